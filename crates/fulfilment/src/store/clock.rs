//! The database's clock.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz};
use oms_database::{CachedStatement, Statement, cached_sql};

use crate::store::Now;

/// Returns the present, to compare a client's time with it.
pub(crate) fn read<'q>(now: Now) -> Statement<'q, DateTime<Utc>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }

    cached_sql("SELECT greatest($1, now()) AS now")
        .bind::<Nullable<Timestamptz>, _>(now)
        .rows::<Row>()
        .map(|rows| rows[0].now)
}
