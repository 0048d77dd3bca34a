//! Many existing orders for the test of an upgrade: copies of one order, made by the database, in the schema of
//! whatever version has placed it.

use crate::keys::TENANT;
use crate::store_database::StoreDatabase;

/// Copies per statement.
const AT_A_TIME: i64 = 100_000;

/// A table with rows of orders.
struct Copied {
    table: &'static str,
    /// The column with the ID of the order.
    order: &'static str,
    /// What replaces the values of other columns; `n` numbers the copies.
    replaced: &'static [(&'static str, &'static str)],
}

/// The ID of the payment attempt of a copy.
const ATTEMPT: &str = "(lpad(to_hex(n), 8, '0') || '-0000-4000-8000-000000000000')::uuid";

const TABLES: [Copied; 6] = [
    Copied {
        table: "orders.orders",
        order: "id",
        replaced: &[
            ("idempotency_key", "'filled-' || n"),
            // Ten orders for each customer.
            (
                "customer_id",
                "(lpad(to_hex(n / 10), 8, '0') || '-0000-4000-8000-000000000001')::uuid",
            ),
        ],
    },
    Copied {
        table: "orders.lines",
        order: "order_id",
        replaced: &[],
    },
    Copied {
        table: "orders.events",
        order: "order_id",
        replaced: &[],
    },
    Copied {
        table: "payments.attempts",
        order: "order_id",
        replaced: &[("id", ATTEMPT), ("reference", "t.reference || '-' || n")],
    },
    Copied {
        table: "payments.gateway_calls",
        order: "order_id",
        replaced: &[
            ("attempt_id", ATTEMPT),
            ("reference", "t.reference || '-' || n"),
        ],
    },
    Copied {
        table: "inventory.reservations",
        order: "order_id",
        replaced: &[],
    },
];

/// How far copies are apart, in milliseconds. The newest is three days older than the order.
const APART_MS: i64 = 30_000;
const YOUNGEST_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Copies a paid order with its stock, its payment and its events, each copy older than the one before, and analyses the
/// tables.
pub async fn fill(database: &StoreDatabase, order_id: &str, copies: i64) {
    let placed = format!(
        "SELECT (extract(epoch FROM created_at) * 1000)::bigint FROM orders.orders WHERE id = '{order_id}'"
    );
    let placed_ms = database.number(&placed).await - YOUNGEST_MS;
    // The first 48 bits of an ID are its time.
    let id = format!(
        "(lpad(to_hex({placed_ms} - n * {APART_MS}), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid"
    );
    let age = format!("(n * {APART_MS} + {YOUNGEST_MS}) * interval '1 millisecond'");
    // Foreign keys hold for copies as they do for the order. The older version may already open fulfilment orders, and must
    // not find orders without their events.
    database
        .execute("BEGIN; SET LOCAL session_replication_role = replica")
        .await;
    for Copied {
        table,
        order,
        replaced,
    } in &TABLES
    {
        let (schema, name) = table.split_once('.').unwrap();
        let columns = format!(
            "SELECT column_name, data_type FROM information_schema.columns
             WHERE table_schema = '{schema}' AND table_name = '{name}' ORDER BY ordinal_position"
        );
        let columns = database.rows(&columns).await;
        let value = |column: &str, of_type: &str| {
            let replaced = replaced.iter().find(|(name, _)| *name == column);
            match (replaced, of_type) {
                (Some((_, value)), _) => (*value).to_owned(),
                (None, _) if column == *order => id.clone(),
                (None, "timestamp with time zone") => format!("t.{column} - {age}"),
                (None, _) => format!("t.{column}"),
            }
        };
        let names: Vec<&str> = columns.iter().map(|row| row[0].as_str()).collect();
        let values: Vec<String> = columns.iter().map(|row| value(&row[0], &row[1])).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        for first in (0..copies).step_by(usize::try_from(AT_A_TIME).unwrap()) {
            let last = (first + AT_A_TIME).min(copies) - 1;
            let copy = format!(
                "INSERT INTO {table} ({names})
                 SELECT {values} FROM {table} t CROSS JOIN generate_series({first}::bigint, {last}::bigint) n
                 WHERE t.tenant_id = '{TENANT}' AND t.{order} = '{order_id}'"
            );
            database.execute(&copy).await;
        }
    }
    let stock = format!(
        "UPDATE inventory.stock_levels s
         SET on_hand = s.on_hand + {copies} * r.quantity, reserved = s.reserved + {copies} * r.quantity
         FROM inventory.reservations r
         WHERE r.order_id = '{order_id}' AND s.warehouse_id = r.warehouse_id AND s.product_id = r.product_id;
         INSERT INTO inventory.stock_movements
             (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
         SELECT tenant_id, gen_random_uuid(), warehouse_id, product_id, 'receipt', {copies} * quantity, 'x', 'x'
         FROM inventory.reservations WHERE order_id = '{order_id}';
         COMMIT"
    );
    database.execute(&stock).await;
    for Copied { table, .. } in &TABLES {
        database.execute(&format!("VACUUM ANALYZE {table}")).await;
    }
    database.execute("CHECKPOINT").await;
}
