//! Detection of connection poolers that share sessions. Settings, prepared statements and advisory locks need a session
//! of their own.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::{DbError, connect};

/// Maximum silence of the server during a check.
const SILENCE: Duration = Duration::from_secs(30);

/// The number of checks. A pooler may give a client the same session several times by chance.
const ROUNDS: usize = 3;

/// The error message of a pooler that assigns sessions per statement.
const BY_STATEMENT: &str = "transaction blocks not allowed";

/// Checks that each connection has its own session. Behind a pooler that assigns sessions per transaction, such as
/// PgBouncer with `pool_mode = transaction`, statements would intermittently run with the settings and prepared
/// statements of others.
///
/// # Errors
/// [`DbError::Unavailable`] with instructions if sessions are shared, or the database's error.
pub async fn check_pooler(url: &str) -> Result<(), DbError> {
    match sharing(url).await? {
        Sharing::None => Ok(()),
        Sharing::ByTransaction | Sharing::ByStatement | Sharing::Broken => Err(pooled()),
    }
}

/// How a pooler shares its sessions, as far as can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Each connection has its own session.
    None,
    /// A transaction stays in one session.
    ByTransaction,
    /// Each statement may run in another session, and transactions are refused.
    ByStatement,
    /// Prepared statements of one client collide with those of another.
    Broken,
}

pub(crate) async fn sharing(url: &str) -> Result<Sharing, DbError> {
    let (mut first, mut second) = match (open(url).await, open(url).await) {
        (Ok(first), Ok(second)) => (first, second),
        // Connections prepare statements when they are opened, and may already collide then.
        (Err(error), _) | (_, Err(error)) if names_statements(&error.to_string()) => {
            return Ok(Sharing::Broken);
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    for _ in 0..ROUNDS {
        match is_shared(&mut first, &mut second).await {
            Ok(false) => {}
            Ok(true) => return Ok(Sharing::ByTransaction),
            Err(error) if error.to_string().contains(BY_STATEMENT) => {
                return Ok(Sharing::ByStatement);
            }
            Err(error) if is_about_statements(&error) => return Ok(Sharing::Broken),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Sharing::None)
}

fn pooled() -> DbError {
    DbError::Unavailable(
        "DATABASE_URL leads to a connection pooler that shares sessions between transactions (PgBouncer with pool_mode \
         transaction or statement): set OMS_DATABASE_POOLER=transaction for PgBouncer 1.21 or newer, or connect to PostgreSQL \
         itself, or set pool_mode to session"
            .to_owned(),
    )
}

/// Whether the error is about a prepared statement that is missing or already exists.
pub(crate) fn is_about_statements(error: &diesel::result::Error) -> bool {
    names_statements(&error.to_string())
}

fn names_statements(error: &str) -> bool {
    error.contains("prepared statement")
}

pub(crate) async fn open(url: &str) -> Result<AsyncPgConnection, DbError> {
    let connected = connect::connect(url, SILENCE).await;
    connected.map_err(|error| DbError::Unavailable(error.to_string()))
}

/// Whether two connections use the same server process, or one of them switches processes. Real sessions never do.
async fn is_shared(
    first: &mut AsyncPgConnection,
    second: &mut AsyncPgConnection,
) -> Result<bool, diesel::result::Error> {
    let before = process(first).await?;
    second.batch_execute("BEGIN").await?;
    let inside = process(second).await?;
    // While the second connection holds its process in a transaction, the first can't use it: a query there would hang.
    let is_shared = inside == before || process(first).await? != before;
    second.batch_execute("COMMIT").await?;
    Ok(is_shared || process(second).await? != inside)
}

/// Returns the server process that currently serves a connection.
pub(crate) async fn process(
    connection: &mut AsyncPgConnection,
) -> Result<i32, diesel::result::Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        process: i32,
    }

    let row: Row = crate::cached_sql("SELECT pg_backend_pid() AS process")
        .get_result(connection)
        .await?;
    Ok(row.process)
}
