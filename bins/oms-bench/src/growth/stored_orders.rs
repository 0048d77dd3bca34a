//! Filling a database with orders such as the product leaves them: some are placed through the API, and all rows that it
//! wrote for these are copied, with new ids, keys and times. So nothing has to be known of the columns but what is new in
//! each copy, and a table that the product gets later is copied too.
//!
//! Copies are numbered from 0. They were placed one a second, the last of the most that there may be just now.

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

/// Orders that are placed through the API: as many as a run has different bodies.
const ORIGINALS: u32 = 8192;
/// Connections that place them.
const PLACING: usize = 64;
/// Orders that are read and replayed.
const SAMPLED: usize = 20_000;
/// The machine has more to do than one of PostgreSQL's processes can.
const SESSIONS: usize = 2;

/// The orders of a database that were put there from outside.
pub(super) struct StoredOrders {
    /// Those of the API, by their place.
    originals: Vec<Known>,
    /// How many copies there are.
    copies: u32,
    /// When copy 0 was placed, in seconds since 1970.
    first_at: i64,
    seed: u64,
}

impl StoredOrders {
    /// Places the first orders, and plans for as many as `most`.
    pub(super) async fn place_first(bench: &Bench, scene: &Scene, most: u32) -> Result<Self> {
        let traffic = bench.traffic(Workload::Uniform, scene);
        let url = bench.cluster.application_url(RUN);
        let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
        let connections = load::connect(api.address, PLACING).await?;
        let programs = bench.database_alone();
        let placed = load::burst(traffic.clone(), connections, ORIGINALS.into(), &programs).await?;
        api.stop().await.context("the API did not stop well")?;
        ensure!(
            placed.unexpected == 0,
            "placing the first orders: {:?}",
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

    /// Copies orders until there are so many, the first ones included.
    pub(super) async fn grow_to(&mut self, cluster: &Cluster, count: u32) -> Result<()> {
        let upto = count.saturating_sub(ORIGINALS);
        let database = cluster.open(RUN).await?;
        let tables = Mutex::new(tables(&database).await?);
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(cluster.open(RUN).await?);
        }
        let [one, other] = sessions.as_slice() else {
            anyhow::bail!("{SESSIONS} sessions are joined");
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
        // So that neither autovacuum nor a checkpoint falls into what is measured next.
        for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            database.batch_execute(statement).await?;
        }
        Ok(())
    }

    /// Some of the orders, as a run may ask for them.
    pub(super) async fn some(&self, database: &Client) -> Result<Vec<Known>> {
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
        ensure!(rows.len() == SAMPLED, "{} copies are there", rows.len());
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

    /// Copies table after table until none is left.
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
            let next = tables.lock().expect("nobody panics with it").pop_front();
            let Some(table) = next else { return Ok(()) };
            let statements = table.copy_sql(self.first_at, self.copies, upto, ids.len());
            session
                .batch_execute(&statements)
                .await
                .with_context(|| format!("{} can't be copied", table.name))?;
        }
    }
}

/// Foreign keys hold by construction: checking each row's would take longer than all the rest.
///
/// A copy's id has its own time and number, and what the original had at random: the last 32 bits, because ids that were
/// made in one millisecond count up in those before.
const PREPARATION: &str = "
    SET session_replication_role = replica;
    CREATE TEMP TABLE originals (place bigint, order_id uuid, placed_at timestamptz);
    CREATE FUNCTION pg_temp.copied(id uuid, placed_at bigint, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(placed_at * 1000), 12, '0') || '7' || substr(id::text, 29, 3) || '8' || substr(id::text, 32, 3)
                || lpad(to_hex(number), 10, '0') || substr(id::text, 35, 2))::uuid
    $$;";

/// The key of a copy. In order of their numbers, as those of a storefront may be.
fn key_sql(number: &str) -> String {
    format!("'stored-' || lpad(({number})::text, 9, '0')")
}

/// A table with rows of orders.
#[derive(Debug)]
struct Table {
    name: String,
    /// Names and types.
    columns: Vec<(String, String)>,
}

/// All tables of the product that have rows of orders, the largest first.
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
    /// Copies the rows of the originals for the copies from one number up to another.
    fn copy_sql(&self, first_at: i64, from: u32, upto: u32, originals: usize) -> String {
        let order = self.order_column();
        let name = &self.name;
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|(column, kind)| value_sql(column, kind, first_at))
            .collect();
        // The originals apart, so that each copy does not search a table that grows meanwhile.
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

/// What stands in a column of copy `n` of the row `s`.
fn value_sql(column: &str, kind: &str, first_at: i64) -> String {
    let copied = |id: &str| format!("pg_temp.copied({id}, {first_at} + n, n)");
    let simple = |id: &str| format!("replace(({id})::text, '-', '')");
    match (column, kind) {
        ("id" | "order_id" | "attempt_id", "uuid") => copied(&format!("s.{column}")),
        ("idempotency_key", _) => {
            let key = key_sql("n");
            format!("CASE WHEN s.idempotency_key IS NOT NULL THEN {key} END")
        }
        // The gateway's names have the order's id in them.
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
    fn only_what_is_new_in_each_copy_is_not_taken_from_the_original() {
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
