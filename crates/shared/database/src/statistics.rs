//! Statistics of tables that grow quickly.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{Connection, DbError, cached_sql};

/// The tables that have more than twice the rows that were counted last, and more than 50. Of the role's own, because only
/// the owner of a table may have it analysed.
const GROWN: &str = "
SELECT format('%I.%I', s.schemaname, s.relname) AS name
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid
WHERE pg_has_role(c.relowner, 'USAGE') AND s.n_live_tup > 2 * greatest(c.reltuples, 25)
ORDER BY name";

/// Has PostgreSQL look anew at the tables that have doubled since it last did, and returns their names. Those that somebody
/// else is analysing are left to them.
///
/// Autovacuum does so too, but only once a minute. Until then the tables of a new installation count as empty: statements and
/// the checks of foreign keys are planned over whatever index begins with the tenant, and sessions keep such plans. Sessions
/// plan again once a table was analysed.
///
/// # Errors
/// When the database does not answer.
pub async fn analyze_grown_tables(connection: &mut Connection) -> Result<Vec<String>, DbError> {
    #[derive(QueryableByName)]
    struct Table {
        #[diesel(sql_type = Text)]
        name: String,
    }

    let grown: Vec<Table> = cached_sql(GROWN).load(connection).await?;
    let names: Vec<String> = grown.into_iter().map(|table| table.name).collect();
    if !names.is_empty() {
        let analyze = format!("ANALYZE (SKIP_LOCKED) {}", names.join(", "));
        connection.batch_execute(&analyze).await?;
    }
    Ok(names)
}
