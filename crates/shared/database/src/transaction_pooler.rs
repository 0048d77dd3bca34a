//! Whether a pooler that assigns sessions by the transaction can be worked with.

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::pooler::{self, Sharing};
use crate::{DbError, cached_sql};

/// How sessions and those who use them belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// A connection is a session: a pooler, if there is one, works in session mode.
    #[default]
    Session,
    /// A pooler assigns sessions by the transaction. Settings of sessions are defaults of the role, and the pooler knows the
    /// prepared statements of its clients.
    Transaction,
}

/// The text of a statement that [`pooler`] prepared in this session, under which name. Ours are `s0`, `s1` and so on, for
/// each process anew: a pooler that passes them on mixes them up.
const HAS_OUR_NAMES: &str = "
SELECT coalesce(bool_or(name ~ '^s[0-9]+$'), false) AS has_our_names
FROM pg_prepared_statements WHERE statement LIKE 'SELECT pg_backend_pid() AS process%'";

/// Makes sure that a pooler between us and PostgreSQL, if there is one, knows prepared statements.
///
/// # Errors
/// [`DbError::Unavailable`] with what to do, when it does not; or why the server can't be asked.
pub async fn check_transaction_pooler(url: &str) -> Result<(), DbError> {
    match pooler::sharing(url).await? {
        Sharing::None => return Ok(()),
        Sharing::ByStatement => {
            return Err(unusable(
                "assigns sessions by the statement (pool_mode = statement): set pool_mode to transaction",
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

    // One session for both statements.
    connection.batch_execute("BEGIN").await?;
    pooler::process(connection).await?;
    let row: Row = cached_sql(HAS_OUR_NAMES).get_result(connection).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(row.has_our_names)
}

fn too_old() -> DbError {
    unusable(
        "does not keep prepared statements: it must be PgBouncer 1.21 or newer, with max_prepared_statements above 0",
    )
}

fn unusable(what: &str) -> DbError {
    DbError::Unavailable(format!("the connection pooler of DATABASE_URL {what}"))
}
