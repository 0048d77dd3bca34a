//! The SQL of fulfilment. No other module names its schema.
//!
//! Every statement that stores or compares a time takes it from the caller's clock, and falls back to the database's.

pub(crate) mod clock;
pub(crate) mod erasure;
pub(crate) mod evacuation_work;
pub(crate) mod evacuations;
pub(crate) mod fulfilment_orders;
pub(crate) mod grants;
pub(crate) mod held_orders;
pub(crate) mod holds;
pub(crate) mod lines;
pub(crate) mod moves;
pub(crate) mod open_counts;
pub(crate) mod open_orders;
pub(crate) mod parcels;
pub(crate) mod progress;
pub(crate) mod relocations;
pub(crate) mod return_lines;
pub(crate) mod return_receipts;
pub(crate) mod returns;
pub(crate) mod shipments;
pub(crate) mod touch;
pub(crate) mod tracked;
pub(crate) mod tracking_events;
pub(crate) mod work_list;

use std::collections::{BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use oms_validation::OrderId;
use uuid::Uuid;

/// The time that a statement uses as the present, as in `greatest($n, now())`. `None` is the database's own.
pub(crate) type Now = Option<chrono::DateTime<chrono::Utc>>;

/// Maximum number of rows that a page of a list looks at. A macro, because the text of a cached statement must be a
/// constant.
macro_rules! most_looked_at {
    () => {
        1000
    };
}
pub(crate) use most_looked_at;

/// Groups values by their keys, and keeps their order.
fn grouped<V>(pairs: impl Iterator<Item = (Uuid, V)>) -> HashMap<Uuid, Vec<V>> {
    let mut groups = HashMap::<Uuid, Vec<V>>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// A row that names an order.
#[derive(QueryableByName)]
struct OrderRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}

/// The orders that rows name.
fn named_orders(rows: Vec<OrderRow>) -> BTreeSet<OrderId> {
    rows.into_iter().map(|row| row.order_id.into()).collect()
}

/// A row limit as PostgreSQL's `bigint`.
fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
