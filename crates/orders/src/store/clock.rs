//! The database's clock.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

use crate::domain::clock::Now;

/// Returns the present, to compare other times with it.
pub(crate) async fn read(connection: &mut Connection, now: Now) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        present: DateTime<Utc>,
    }

    let row: Row = cached_sql("SELECT greatest($1, now()) AS present")
        .bind::<Nullable<Timestamptz>, _>(now)
        .get_result(connection)
        .await?;
    Ok(row.present)
}

/// Returns the present, also within a transaction that has waited for long. It is used where times of one order are
/// compared with each other, and so it follows no test clock.
pub(crate) async fn read_exactly(connection: &mut Connection) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        present: DateTime<Utc>,
    }

    let row: Row = cached_sql("SELECT clock_timestamp() AS present")
        .get_result(connection)
        .await?;
    Ok(row.present)
}
