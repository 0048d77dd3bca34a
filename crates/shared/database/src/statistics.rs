//! Planner statistics of fast-growing tables.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{Connection, DbError, cached_sql};

/// Selects tables of more than two pages that have more than twice as many pages as at the last analysis. Their size is
/// visible immediately, whereas sessions report their changed rows only once a second. Only tables that the role owns,
/// because only the owner may analyse a table.
const GROWN: &str = "
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND pg_has_role(c.relowner, 'USAGE')
  AND pg_relation_size(c.oid) > 2 * greatest(c.relpages, 1) * current_setting('block_size')::bigint
ORDER BY name";

/// Analyses the tables that have more than doubled since their last analysis, and returns their names. Tables that
/// another session is analysing are skipped.
///
/// Autovacuum does the same, but only once a minute. Until then the tables of a new installation count as empty, so
/// statements and foreign key checks are planned with any index that begins with the tenant, and sessions keep such
/// plans. Sessions plan again after a table was analysed.
///
/// # Errors
/// When the database fails.
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
