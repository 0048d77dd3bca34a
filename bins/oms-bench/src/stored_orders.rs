//! Fills a database with orders as the product stores them. Some are placed through the API, and all of their rows are
//! copied, with new IDs, keys and times. So this code names only the columns that are new in each copy, and covers
//! tables that the product gets later.
//!
//! Copies are numbered from 0. They are dated one second apart, so that the last copy of a full-size database is dated
//! now.

use std::collections::VecDeque;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_postgres::Client;

use crate::database::{Cluster, RUN};
use crate::dataset::TENANT;
use crate::load;
use crate::measure::Bench;
use crate::programs::Program;
use crate::traffic::Known;
use crate::workload::{Scene, Workload};

/// Number of orders that are placed through the API: one per request body of a run.
const ORIGINALS: u32 = 8192;
/// Number of connections that place them.
const PLACING: usize = 64;
/// Number of orders that are read and replayed.
const SAMPLED: usize = 20_000;
/// More than one, because a single PostgreSQL process does not use the whole machine.
const SESSIONS: usize = 2;

/// The orders in a database that this program stored.
pub(crate) struct StoredOrders {
    /// The orders that were placed through the API, by position.
    originals: Vec<Known>,
    /// The number of copies.
    copies: u32,
    /// The time of copy 0, in seconds since 1970.
    first_at: i64,
    seed: u64,
}

impl StoredOrders {
    /// Places the first orders, and plans for at most `most` orders.
    pub(crate) async fn place_first(bench: &Bench, scene: &Scene, most: u32) -> Result<Self> {
        let traffic = bench.traffic(Workload::Uniform, scene);
        let url = bench.cluster.application_url(RUN);
        let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
        let connections = load::connect(api.address, PLACING).await?;
        let programs = bench.database_alone();
        let placed = load::burst(traffic.clone(), connections, ORIGINALS.into(), &programs).await?;
        api.stop().await.context("the API did not stop properly")?;
        ensure!(
            placed.unexpected == 0,
            "could not place the first orders: {:?}",
            placed.complaints
        );
        let database = bench.cluster.open(RUN).await?;
        let now = database
            .query_one("SELECT extract(epoch FROM now())::bigint", &[])
            .await?;
        Ok(Self {
            originals: traffic.known(),
            copies: 0,
            first_at: now.get::<_, i64>(0) - i64::from(most),
            seed: bench.seed,
        })
    }

    /// Copies orders until there are this many, including the first ones.
    pub(crate) async fn grow_to(&mut self, cluster: &Cluster, count: u32) -> Result<()> {
        let upto = count.saturating_sub(ORIGINALS);
        let database = cluster.open(RUN).await?;
        let tables = Mutex::new(tables(&database).await?);
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(cluster.open(RUN).await?);
        }
        let [one, other] = sessions.as_slice() else {
            anyhow::bail!("the code below joins exactly {SESSIONS} sessions");
        };
        tokio::try_join!(
            self.copy(one, &tables, upto),
            self.copy(other, &tables, upto)
        )?;
        self.copies = upto;
        database
            .batch_execute(
                "UPDATE inventory.stock_levels s SET reserved = r.held
                 FROM (
                     SELECT tenant_id, warehouse_id, product_id, sum(quantity) AS held
                     FROM inventory.reservations GROUP BY tenant_id, warehouse_id, product_id
                 ) r
                 WHERE (s.tenant_id, s.warehouse_id, s.product_id) = (r.tenant_id, r.warehouse_id, r.product_id)",
            )
            .await?;
        // So that neither autovacuum nor a checkpoint disturbs the next measurement.
        for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            database.batch_execute(statement).await?;
        }
        Ok(())
    }

    /// Returns a sample of the orders, for reads and replays.
    pub(crate) async fn some(&self, database: &Client) -> Result<Vec<Known>> {
        if self.copies == 0 {
            return Ok(self.originals.clone());
        }
        let mut random = StdRng::seed_from_u64(self.seed);
        let numbers = (0..SAMPLED).map(|_| i64::from(random.random_range(0..self.copies)));
        let numbers: Vec<i64> = numbers.collect();
        let sql = format!(
            "SELECT o.id::text, o.idempotency_key, n.number
             FROM unnest($1::bigint[]) AS n (number)
             JOIN orders.orders o ON (o.tenant_id, o.idempotency_key) = ('{TENANT}', {})",
            key_sql("n.number")
        );
        let rows = database.query(&sql, &[&numbers]).await?;
        ensure!(
            rows.len() == SAMPLED,
            "only {} copies were found",
            rows.len()
        );
        let known = |row: &tokio_postgres::Row| {
            let place = usize::try_from(row.get::<_, i64>(2))? % self.originals.len();
            Ok(Known {
                order_id: row.get::<_, &str>(0).parse()?,
                number: self.originals[place].number,
                key: row.get(1),
            })
        };
        rows.iter().map(known).collect()
    }

    /// Copies one table after another until none is left.
    async fn copy(
        &self,
        session: &Client,
        tables: &Mutex<VecDeque<Table>>,
        upto: u32,
    ) -> Result<()> {
        let ids: Vec<String> = self
            .originals
            .iter()
            .map(|known| known.order_id.to_string())
            .collect();
        session.batch_execute(PREPARATION).await?;
        session
            .execute(
                "INSERT INTO originals
                 SELECT place - 1, o.id, o.created_at
                 FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place)
                 JOIN orders.orders o ON (o.tenant_id, o.id) = ($2::text::uuid, given.id::uuid)",
                &[&ids, &TENANT],
            )
            .await?;
        loop {
            let next = tables
                .lock()
                .expect("no thread panics while holding the list")
                .pop_front();
            let Some(table) = next else { return Ok(()) };
            let statements = table.copy_sql(self.first_at, self.copies, upto, ids.len());
            session
                .batch_execute(&statements)
                .await
                .with_context(|| format!("could not copy {}", table.name))?;
        }
    }
}

/// Foreign keys hold by construction, and checking each row's would take longer than everything else.
///
/// A copy's ID consists of its own time and number and of the random last 32 bits of the original's ID. The bits before
/// those are a counter in IDs that were generated in the same millisecond.
const PREPARATION: &str = "
    SET session_replication_role = replica;
    CREATE TEMP TABLE originals (place bigint, order_id uuid, placed_at timestamptz);
    CREATE FUNCTION pg_temp.copied(id uuid, placed_at bigint, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(placed_at * 1000), 12, '0') || '7' || substr(id::text, 29, 3) || '8' || substr(id::text, 32, 3)
                || lpad(to_hex(number), 10, '0') || substr(id::text, 35, 2))::uuid
    $$;";

/// The key of a copy. Keys are in the order of the numbers, as a storefront's may be.
fn key_sql(number: &str) -> String {
    format!("'stored-' || lpad(({number})::text, 9, '0')")
}

/// A table that has rows of orders.
#[derive(Debug)]
struct Table {
    name: String,
    /// Column names and types.
    columns: Vec<(String, String)>,
}

/// Returns all tables of the product that have rows of orders, largest first.
async fn tables(database: &Client) -> Result<VecDeque<Table>> {
    let sql = "
        SELECT format('%I.%I', n.nspname, c.relname),
               array_agg(a.attname::text ORDER BY a.attnum),
               array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        WHERE c.relkind = 'r'
        GROUP BY c.oid, n.nspname, c.relname
        HAVING bool_or(a.attname = 'order_id') OR c.oid = 'orders.orders'::regclass
        ORDER BY pg_relation_size(c.oid) DESC";
    let rows = database.query(sql, &[]).await?;
    let table = |row: &tokio_postgres::Row| {
        let (names, types): (Vec<String>, Vec<String>) = (row.get(1), row.get(2));
        Table {
            name: row.get(0),
            columns: names.into_iter().zip(types).collect(),
        }
    };
    Ok(rows.iter().map(table).collect())
}

impl Table {
    /// Copies the originals' rows for a range of copies.
    fn copy_sql(&self, first_at: i64, from: u32, upto: u32, originals: usize) -> String {
        let order = self.order_column();
        let name = &self.name;
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|(column, kind)| value_sql(column, kind, first_at))
            .collect();
        // The originals are copied to a temporary table first, so that each copy does not search a growing table.
        format!(
            "DROP TABLE IF EXISTS pg_temp.original_rows;
             CREATE TEMP TABLE original_rows AS
                 SELECT o.place AS original_place, o.order_id AS original_order, o.placed_at AS original_placed_at, s.*
                 FROM originals o JOIN {name} s ON (s.tenant_id, s.{order}) = ('{TENANT}', o.order_id);
             ANALYZE original_rows;
             INSERT INTO {name} ({})
             SELECT {}
             FROM generate_series({from}::bigint, {upto}::bigint - 1) AS n
             JOIN original_rows s ON s.original_place = n % {originals}",
            names.join(", "),
            values.join(", ")
        )
    }

    fn order_column(&self) -> &'static str {
        let has_orders = self.columns.iter().any(|(name, _)| name == "order_id");
        if has_orders { "order_id" } else { "id" }
    }
}

/// The value of a column in copy `n` of the row `s`.
fn value_sql(column: &str, kind: &str, first_at: i64) -> String {
    let copied = |id: &str| format!("pg_temp.copied({id}, {first_at} + n, n)");
    let simple = |id: &str| format!("replace(({id})::text, '-', '')");
    match (column, kind) {
        ("id" | "order_id" | "attempt_id", "uuid") => copied(&format!("s.{column}")),
        ("idempotency_key", _) => {
            let key = key_sql("n");
            format!("CASE WHEN s.idempotency_key IS NOT NULL THEN {key} END")
        }
        // The gateway's references contain the order's ID.
        ("reference", _) => format!(
            "replace(s.reference, {}, {})",
            simple("s.original_order"),
            simple(&copied("s.original_order"))
        ),
        (_, "timestamp with time zone") => {
            format!("to_timestamp({first_at} + n) + (s.{column} - s.original_placed_at)")
        }
        _ => format!("s.{column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_differs_from_the_original_only_in_ids_keys_and_times() {
        let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        let table = Table {
            name: "payments.attempts".to_owned(),
            columns: vec![
                column("tenant_id", "uuid"),
                column("id", "uuid"),
                column("order_id", "uuid"),
                column("amount_minor", "bigint"),
                column("created_at", "timestamp with time zone"),
            ],
        };
        let sql = table.copy_sql(1000, 5, 9, 3);
        assert!(sql.contains("(tenant_id, id, order_id, amount_minor, created_at)"));
        assert!(
            sql.contains("SELECT s.tenant_id, pg_temp.copied(s.id, 1000 + n, n), ")
                && sql.contains("s.amount_minor, to_timestamp(1000 + n) + (s.created_at - "),
            "{sql}"
        );
        assert!(sql.contains("generate_series(5::bigint, 9::bigint - 1)") && sql.contains("n % 3"));
        assert!(sql.contains("s.order_id) = ("), "{sql}");
    }

    #[test]
    fn orders_themselves_are_found_by_their_own_id() {
        let table = Table {
            name: "orders.orders".to_owned(),
            columns: vec![("id".to_owned(), "uuid".to_owned())],
        };
        assert_eq!(table.order_column(), "id");
    }
}
