//! The session settings, and how they become defaults of a role. Behind a pooler that assigns sessions by transaction,
//! a client must not set them, because the next client of the session would inherit them.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{Connection, DatabaseConfig, DbError, cached_sql};

impl DatabaseConfig {
    /// Returns the settings of every session, with the names and value formats of `pg_settings`.
    ///
    /// Each statement is planned once per session, because planning takes as long as execution. Sequential scans are
    /// disabled where an index can be used: a plan made while a table was empty would be kept after the table has
    /// grown, both for our statements and for the checks of foreign keys.
    ///
    /// Citus finds the node of a statement by its parameters, which a generic plan doesn't contain, so
    /// `plan_cache_mode` is `auto` there. The last setting applies a transaction's `SET LOCAL` on the nodes of Citus
    /// too. Plain PostgreSQL ignores it.
    pub(crate) fn settings(&self) -> [(&'static str, String); 8] {
        let idle = self.idle_in_transaction_timeout.as_millis().to_string();
        [
            ("lock_timeout", self.lock_timeout.as_millis().to_string()),
            (
                "statement_timeout",
                self.statement_timeout.as_millis().to_string(),
            ),
            ("idle_in_transaction_session_timeout", idle),
            ("TimeZone", "UTC".to_owned()),
            ("jit", "off".to_owned()),
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("citus.propagate_set_commands", "local".to_owned()),
        ]
    }
}

/// The settings whose defaults for this role differ from the required values: the name, the default, the required
/// value, and the statement that changes the default.
const DIFFERING: &str = "
SELECT actual.name, actual.reset_val AS is, wanted.value AS must_be,
    format('ALTER ROLE CURRENT_USER IN DATABASE %I SET %I = %L', current_database(), actual.name, wanted.value) AS statement
FROM (SELECT name, CASE WHEN name = 'plan_cache_mode' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
                        THEN 'auto' ELSE value END AS value
      FROM unnest($1, $2) AS ours (name, value)) AS wanted
JOIN pg_settings actual ON actual.name = wanted.name
WHERE actual.reset_val IS DISTINCT FROM wanted.value
ORDER BY actual.name";

#[derive(QueryableByName)]
struct Differing {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    is: String,
    #[diesel(sql_type = Text)]
    must_be: String,
    #[diesel(sql_type = Text)]
    statement: String,
}

async fn differing(
    connection: &mut Connection,
    config: &DatabaseConfig,
) -> Result<Vec<Differing>, DbError> {
    let (names, values): (Vec<&str>, Vec<String>) = config.settings().into_iter().unzip();
    let differing = cached_sql(DIFFERING)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Text>, _>(values);
    Ok(differing.load(connection).await?)
}

/// Returns the settings whose defaults for this role are wrong, as text such as `jit is on and must be off`.
///
/// # Errors
/// When the database fails.
pub async fn differing_defaults(
    connection: &mut Connection,
    config: &DatabaseConfig,
) -> Result<Vec<String>, DbError> {
    let differing = differing(connection, config).await?;
    let words = |it: Differing| format!("{} is {} and must be {}", it.name, it.is, it.must_be);
    Ok(differing.into_iter().map(words).collect())
}

/// Makes the session settings defaults of the connection's role in its database, and returns the names of the changed
/// ones. Existing sessions keep their settings.
///
/// # Errors
/// When the database fails.
pub async fn set_role_defaults(
    connection: &mut Connection,
    config: &DatabaseConfig,
) -> Result<Vec<String>, DbError> {
    let differing = differing(connection, config).await?;
    for setting in &differing {
        connection.batch_execute(&setting.statement).await?;
    }
    Ok(differing.into_iter().map(|it| it.name).collect())
}
