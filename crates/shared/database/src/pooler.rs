//! Whether a connection is a session of its own, which everything here relies on: settings, prepared statements, advisory locks.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::{DbError, connect};

/// Longest silence of a server that is asked here.
const SILENCE: Duration = Duration::from_secs(30);

/// A pooler that hands its sessions out evenly may give a client the same one several times.
const ROUNDS: usize = 3;

/// What a connection pooler says that assigns sessions by the statement.
const BY_STATEMENT: &str = "transaction blocks not allowed";

/// Makes sure that connections are sessions of their own: behind a pooler that assigns sessions by the transaction, such as
/// PgBouncer with `pool_mode = transaction`, statements fail now and then, with settings and prepared statements of others.
///
/// # Errors
/// [`DbError::Unavailable`] with what to do, when they are not; or why the server can't be asked.
pub async fn check_pooler(url: &str) -> Result<(), DbError> {
    match sharing(url).await? {
        Sharing::None => Ok(()),
        Sharing::ByTransaction | Sharing::ByStatement | Sharing::Broken => Err(pooled()),
    }
}

/// How a pooler shares its sessions, as far as can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Connections are sessions.
    None,
    /// A transaction stays in one session.
    ByTransaction,
    /// Not even that.
    ByStatement,
    /// The statements of one client meet those of another.
    Broken,
}

pub(crate) async fn sharing(url: &str) -> Result<Sharing, DbError> {
    let mut first = open(url).await?;
    let mut second = open(url).await?;
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

/// Whether a prepared statement is missing, or there already.
pub(crate) fn is_about_statements(error: &diesel::result::Error) -> bool {
    error.to_string().contains("prepared statement")
}

pub(crate) async fn open(url: &str) -> Result<AsyncPgConnection, DbError> {
    let connected = connect::connect(url, SILENCE).await;
    connected.map_err(|error| DbError::Unavailable(error.to_string()))
}

/// Whether two connections meet in one server process, or one of them changes its own. Two sessions never do.
async fn is_shared(
    first: &mut AsyncPgConnection,
    second: &mut AsyncPgConnection,
) -> Result<bool, diesel::result::Error> {
    let before = process(first).await?;
    second.batch_execute("BEGIN").await?;
    let inside = process(second).await?;
    // While the second holds its server process, the first can't get back to it: asking there would take for ever.
    let is_shared = inside == before || process(first).await? != before;
    second.batch_execute("COMMIT").await?;
    Ok(is_shared || process(second).await? != inside)
}

/// The server process that serves a connection just now.
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
