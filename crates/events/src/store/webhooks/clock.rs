//! The database's time.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

use crate::store::webhooks::Now;

/// Returns the time that statements use as the present.
pub(crate) async fn present(
    connection: &mut Connection,
    now: Now,
) -> Result<DateTime<Utc>, DbError> {
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
