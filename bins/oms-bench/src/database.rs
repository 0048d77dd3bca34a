//! Databases on the benchmark's cluster: a template for each catalogue, and a copy of it for each run.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use crate::dataset::{Dataset, PRICE_MINOR, PRODUCT_PREFIX, TENANT, WAREHOUSE_PREFIX};

/// A superuser's connection to the cluster that `cargo xtask bench` created.
pub(crate) struct Cluster {
    admin: Client,
    config: Config,
    application: Config,
    templates: BTreeSet<&'static str>,
    pub(crate) postmaster: u32,
    pub(crate) version: String,
}

/// What was written so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) wal_bytes: f64,
    /// The number of WAL flushes to the disk, if the server counts them.
    pub(crate) flushes: Option<f64>,
}

/// The empty, migrated database from which templates are created.
pub(crate) const MIGRATED: &str = "bench_migrated";
/// The database of a run.
pub(crate) const RUN: &str = "bench_run";

impl Cluster {
    /// Connects, and drops what an interrupted run left behind.
    pub(crate) async fn connect(admin_url: &str, application_url: &str) -> Result<Self> {
        let config: Config = admin_url
            .parse()
            .context("the superuser's URL is invalid")?;
        let application = application_url
            .parse()
            .context("the application's URL is invalid")?;
        let admin = client(&config).await?;
        let row = admin
            .query_one(
                "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1), version()",
                &[],
            )
            .await
            .context("measuring requires a superuser")?;
        let postmaster = row
            .get::<_, &str>(0)
            .trim()
            .parse()
            .context("the lock file contains no process ID")?;
        let cluster = Self {
            admin,
            config,
            application,
            templates: BTreeSet::new(),
            postmaster,
            version: row.get(1),
        };
        cluster.check_durable().await?;
        cluster.check_untouched().await?;
        for row in cluster
            .admin
            .query(
                "SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'",
                &[],
            )
            .await?
        {
            cluster.drop(row.get(0)).await?;
        }
        Ok(cluster)
    }

    /// Fails if the database may lose commits, because the figures would not be comparable.
    async fn check_durable(&self) -> Result<()> {
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row = self
                .admin
                .query_one("SELECT current_setting($1)", &[&setting])
                .await?;
            let value: &str = row.get(0);
            ensure!(
                value == "on",
                "{setting} is {value}: the benchmark's cluster must be durable"
            );
        }
        Ok(())
    }

    /// Fails if an experiment left settings behind, because they would be measured.
    async fn check_untouched(&self) -> Result<()> {
        let altered = "SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf' ORDER BY name";
        let rows = self.admin.query(altered, &[]).await?;
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        ensure!(
            names.is_empty(),
            "ALTER SYSTEM has changed {}: undo it with ALTER SYSTEM RESET ALL and a restart",
            names.join(", ")
        );
        Ok(())
    }

    /// The URL of a database, with the application's role.
    pub(crate) fn application_url(&self, database: &str) -> String {
        let config = &self.application;
        let password = config
            .get_password()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let user = config.get_user().unwrap_or_default();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
    }

    /// Creates [`MIGRATED`] from the provisioned database, with the API's own migrations.
    pub(crate) async fn migrate(&self, api: &std::path::Path) -> Result<()> {
        let provided = self.application.get_dbname().unwrap_or_default();
        self.copy(provided, MIGRATED).await?;
        let output = tokio::process::Command::new(api)
            .arg("migrate")
            .env("DATABASE_URL", self.application_url(MIGRATED))
            .output()
            .await
            .context("could not run oms-api")?;
        ensure!(
            output.status.success(),
            "oms-api migrate: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Creates a fresh copy of a catalogue, named [`RUN`].
    pub(crate) async fn fresh(&mut self, dataset: &Dataset) -> Result<Client> {
        let template = format!("bench_{}", dataset.name);
        if self.templates.insert(dataset.name) {
            self.copy(MIGRATED, &template).await?;
            let client = self.open(&template).await?;
            load(&client, dataset).await?;
        }
        self.drop(RUN).await?;
        self.copy(&template, RUN).await?;
        self.open(RUN).await
    }

    /// Gathers statistics of the run's tables near the end of the warm-up, for runs of the database alone; a server
    /// does that itself. Without statistics the tables count as nearly empty, all indexes that begin with the tenant
    /// look alike, and a session keeps the plans that it made then.
    pub(crate) fn analyze_during(&self, warm_up: Duration) -> JoinHandle<Result<()>> {
        let mut config = self.config.clone();
        tokio::spawn(async move {
            tokio::time::sleep(warm_up.mul_f64(0.7)).await;
            let client = client(config.dbname(RUN)).await?;
            Ok(client.batch_execute("ANALYZE").await?)
        })
    }

    /// Creates a catalogue that is needed only once, named [`RUN`].
    pub(crate) async fn build(&self, dataset: &Dataset) -> Result<Client> {
        self.drop(RUN).await?;
        self.copy(MIGRATED, RUN).await?;
        let client = self.open(RUN).await?;
        load(&client, dataset).await?;
        Ok(client)
    }

    /// Connects to a database as the superuser.
    pub(crate) async fn open(&self, database: &str) -> Result<Client> {
        let client = client(self.config.clone().dbname(database)).await?;
        // The invariants are sums over whole tables.
        client.batch_execute("SET work_mem = '256MB'").await?;
        Ok(client)
    }

    /// Makes the server log every statement of the run's database, for new connections.
    pub(crate) async fn log_statements(&self) -> Result<()> {
        let statement = format!("ALTER DATABASE {RUN} SET log_statement = 'all'");
        Ok(self.admin.batch_execute(&statement).await?)
    }

    /// Undoes [`Self::log_statements`], for new connections.
    pub(crate) async fn log_no_statements(&self) -> Result<()> {
        let statement = format!("ALTER DATABASE {RUN} RESET log_statement");
        Ok(self.admin.batch_execute(&statement).await?)
    }

    /// Returns what was written so far, in all databases.
    pub(crate) async fn written(&self) -> Result<Written> {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8,
                          (to_jsonb(w) ->> 'wal_sync')::float8 FROM pg_stat_wal w";
        let row = self.admin.query_one(sql, &[]).await?;
        Ok(Written {
            wal_bytes: row.get(0),
            flushes: row.get(1),
        })
    }

    /// Drops all databases that were created.
    pub(crate) async fn clean_up(&self) -> Result<()> {
        let templates = self.templates.iter().map(|name| format!("bench_{name}"));
        for database in templates.chain([RUN.to_owned(), MIGRATED.to_owned()]) {
            self.drop(&database).await?;
        }
        Ok(())
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let owner = self.application.get_user().unwrap_or_default();
        // Copied as files, which is cheaper than writing every page as WAL. It also ends with a checkpoint, so every
        // run starts at the same distance to the next one.
        let statement =
            format!("CREATE DATABASE {to} OWNER {owner} TEMPLATE {from} STRATEGY file_copy");
        self.admin
            .batch_execute(&statement)
            .await
            .with_context(|| format!("could not create {to} from {from}"))
    }

    async fn drop(&self, database: &str) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        Ok(self.admin.batch_execute(&statement).await?)
    }
}

async fn client(config: &Config) -> Result<Client> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .context("could not connect to the benchmark's cluster")?;
    // Ends together with the client.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(client)
}

/// Loads a catalogue. Stock is added by movements, as in production.
async fn load(client: &Client, dataset: &Dataset) -> Result<()> {
    let Dataset {
        warehouses,
        products,
        grid,
        stocked: (first, last),
        units,
        ..
    } = dataset;
    let warehouse = id_sql(WAREHOUSE_PREFIX, "w");
    let product = id_sql(PRODUCT_PREFIX, "p");
    let statements = format!(
        "-- Foreign keys hold by construction, and checking each row's costs more than everything else.
         SET session_replication_role = replica;
         INSERT INTO tenancy.tenants (tenant_id) VALUES ('{TENANT}') ON CONFLICT DO NOTHING;
         INSERT INTO inventory.warehouses (tenant_id, id, name, location)
         SELECT '{TENANT}', {warehouse}, 'Warehouse ' || w,
                ST_SetSRID(ST_MakePoint({lng} + {lng_step} * ((w - 1) / {rows}),
                                        {lat} + {lat_step} * ((w - 1) % {rows})), 4326)::geography
         FROM generate_series(1, {warehouses}) AS w;
         INSERT INTO inventory.products (tenant_id, id, sku, name)
         SELECT '{TENANT}', {product}, 'SKU-' || p, 'Product ' || p FROM generate_series(1, {products}) AS p;
         INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
         SELECT '{TENANT}', {product}, 'USD', {PRICE_MINOR} FROM generate_series(1, {products}) AS p;
         INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
         SELECT '{TENANT}', {warehouse}, {product}, CASE WHEN w BETWEEN {first} AND {last} THEN {units} ELSE 0 END
         FROM generate_series(1, {warehouses}) AS w, generate_series(1, {products}) AS p;
         INSERT INTO inventory.stock_movements
             (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
         SELECT '{TENANT}', gen_random_uuid(), {warehouse}, {product}, 'receipt', {units}, 'first stock', 'bench'
         FROM generate_series({first}, {last}) AS w, generate_series(1, {products}) AS p;
         RESET session_replication_role",
        lat = grid.lat,
        lng = grid.lng,
        lat_step = grid.lat_step,
        lng_step = grid.lng_step,
        rows = grid.rows,
    );
    client
        .batch_execute(&statements)
        .await
        .with_context(|| format!("could not load the catalogue {}", dataset.name))?;
    // Only the loaded tables. An empty table that was vacuumed counts as empty from then on, and a session's plans for
    // it, above all those of its foreign keys, then scan it while it grows. A table that was never vacuumed, as on a
    // new installation, counts as ten pages.
    client
        .batch_execute(
            "VACUUM (FREEZE, ANALYZE) inventory.warehouses, inventory.products, inventory.prices,
                 inventory.stock_levels, inventory.stock_movements",
        )
        .await?;
    Ok(())
}

/// SQL for the ID with this number.
fn id_sql(prefix: &str, number: &str) -> String {
    format!("('{prefix}' || lpad(to_hex({number}), 12, '0'))::uuid")
}
