//! The check whether a pooler that assigns sessions by transaction can be used.

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::pooler::{self, Sharing};
use crate::{DbError, cached_sql};

/// How a pooler assigns sessions to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Each connection has its own session: there is no pooler, or it works in session mode.
    #[default]
    Session,
    /// A pooler assigns sessions by transaction. The session settings are defaults of the role, and the pooler manages
    /// the prepared statements of its clients.
    Transaction,
}

/// Finds out whether the statement that [`pooler`] has prepared in this session kept its name. Every process names its
/// statements `s0`, `s1` and so on, so a pooler that passes the names on mixes up the statements of different clients.
const HAS_OUR_NAMES: &str = "
SELECT coalesce(bool_or(name ~ '^s[0-9]+$'), false) AS has_our_names
FROM pg_prepared_statements WHERE statement LIKE 'SELECT pg_backend_pid() AS process%'";

/// Checks that the pooler in front of PostgreSQL, if there is one, supports prepared statements.
///
/// # Errors
/// [`DbError::Unavailable`] with instructions if it does not, or the error of the check itself.
pub async fn check_transaction_pooler(url: &str) -> Result<(), DbError> {
    match pooler::sharing(url).await? {
        Sharing::None => return Ok(()),
        Sharing::ByStatement => {
            return Err(unusable(
                "assigns sessions by statement (pool_mode = statement): set pool_mode to transaction",
            ));
        }
        Sharing::Broken => return Err(too_old()),
        Sharing::ByTransaction => {}
    }
    let mut connection = pooler::open(url).await?;
    match has_our_names(&mut connection).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(too_old()),
        Err(error) if pooler::is_about_statements(&error) => Err(too_old()),
        Err(error) => Err(error.into()),
    }
}

async fn has_our_names(connection: &mut AsyncPgConnection) -> Result<bool, diesel::result::Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        has_our_names: bool,
    }

    // The transaction keeps both statements in one session.
    connection.batch_execute("BEGIN").await?;
    pooler::process(connection).await?;
    let row: Row = cached_sql(HAS_OUR_NAMES).get_result(connection).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(row.has_our_names)
}

fn too_old() -> DbError {
    unusable(
        "does not support prepared statements: it must be PgBouncer 1.21 or newer, with max_prepared_statements above 0",
    )
}

fn unusable(what: &str) -> DbError {
    DbError::Unavailable(format!("the connection pooler of DATABASE_URL {what}"))
}
