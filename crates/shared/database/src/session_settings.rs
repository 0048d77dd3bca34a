//! The settings of sessions, and how they become defaults of a role: behind a pooler that assigns sessions by the
//! transaction, what one client sets is found by whoever has the session next.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{Connection, DatabaseConfig, DbError, cached_sql};

impl DatabaseConfig {
    /// The settings of every session, by the names and in the form of `pg_settings`.
    ///
    /// Statements are planned once a session: planning each anew takes as long as running it. No table is read from end to
    /// end where an index leads to the rows: such a plan, made while a table was empty, would stay when it has grown, for our
    /// statements as for the checks of foreign keys.
    pub(crate) fn settings(&self) -> [(&'static str, String); 7] {
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
        ]
    }
}

/// What new sessions of the role of this connection begin with, where it is not what it must be: the name, the value that is
/// there, and the statement that changes it.
const DIFFERING: &str = "
SELECT actual.name, actual.reset_val AS is, wanted.value AS must_be,
    format('ALTER ROLE CURRENT_USER IN DATABASE %I SET %I = %L', current_database(), actual.name, wanted.value) AS statement
FROM unnest($1, $2) AS wanted (name, value)
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

/// The settings that a session of this role does not begin with as it must, in words such as
/// `jit is on and must be off`.
///
/// # Errors
/// When the database does not answer.
pub async fn differing_defaults(
    connection: &mut Connection,
    config: &DatabaseConfig,
) -> Result<Vec<String>, DbError> {
    let differing = differing(connection, config).await?;
    let words = |it: Differing| format!("{} is {} and must be {}", it.name, it.is, it.must_be);
    Ok(differing.into_iter().map(words).collect())
}

/// Makes the settings of sessions defaults of the role of this connection, in its database, and returns the names of those
/// that were others. Sessions that exist keep theirs.
///
/// # Errors
/// When the database does not answer.
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
