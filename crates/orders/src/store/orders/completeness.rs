//! The time until which lists of orders are complete.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

/// The earliest possible `created_at` of an order that this statement can't see yet but a later one can.
///
/// `created_at` is when the order's transaction began. That transaction may wait seconds for locks and commit after
/// younger ones, so this asks for the start times of the transactions that are open now. A transaction that has written
/// nothing for a minute is a reader, such as a backup: our own sessions are terminated long before that. One second is
/// left for a transaction that is just beginning.
///
/// Only sessions of roles that this role is a member of are visible.
pub(crate) async fn complete_until(connection: &mut Connection) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        complete_until: DateTime<Utc>,
    }

    let row: Row = cached_sql(
        "SELECT least(clock_timestamp() - interval '1 second', min(xact_start)) AS complete_until
         FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
             AND (backend_xid IS NOT NULL OR xact_start > clock_timestamp() - interval '1 minute')",
    )
    .get_result(connection)
    .await?;
    Ok(row.complete_until)
}
