//! The database's clock.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

use crate::store::Now;

/// Returns the present, to compare a client's time with it.
pub(crate) async fn read(connection: &mut Connection, now: Now) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }

    let row: Row = cached_sql("SELECT greatest($1, now()) AS now")
        .bind::<Nullable<Timestamptz>, _>(now)
        .get_result(connection)
        .await?;
    Ok(row.now)
}
