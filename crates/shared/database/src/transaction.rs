//! Transactions.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, TransactionManager};

use crate::{DbError, cached_sql};

type Manager = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// Runs `work` in a transaction. Commits if it returns `Ok`, rolls back if it returns `Err`.
///
/// Call it inside a spawned task and never with a time-out around it: a future that is dropped half-way leaves the
/// transaction open, with its locks. The connection's own time-outs limit its duration.
///
/// # Errors
/// The error of `work`, or of BEGIN or COMMIT. After [`DbError::CommitOutcomeUnknown`] the transaction may be
/// committed.
pub async fn transaction<T, E, Work>(connection: &mut AsyncPgConnection, work: Work) -> Result<T, E>
where
    Work: AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, E>,
    E: From<DbError>,
{
    transaction_within(connection, LockWait::Session, work).await
}

/// Like [`transaction`], with a limit for each wait for a lock.
///
/// # Errors
/// Those of [`transaction`]; [`DbError::LockTimeout`] if a lock is not acquired in time.
pub async fn transaction_within<T, E, Work>(
    connection: &mut AsyncPgConnection,
    wait: LockWait,
    work: Work,
) -> Result<T, E>
where
    Work: AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, E>,
    E: From<DbError>,
{
    Manager::begin_transaction(connection)
        .await
        .map_err(DbError::from)?;
    let done = match limit_lock_wait(connection, wait).await {
        Ok(()) => work(connection).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(value) => {
            Manager::commit_transaction(connection)
                .await
                .map_err(DbError::of_commit)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = Manager::rollback_transaction(connection).await {
                // The pool discards the connection, and PostgreSQL then rolls back on its own.
                tracing::debug!(cause = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// The limit for each wait for a lock of another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    /// A few milliseconds, enough only for another transaction's commit.
    Brief,
    /// The session's `lock_timeout`.
    Session,
}

impl LockWait {
    /// The value of `lock_timeout`, for statements that set it until their transaction ends. `None` keeps the current
    /// value.
    ///
    /// A statement can set it without an extra round trip: `set_config('lock_timeout', coalesce($1,
    /// current_setting('lock_timeout')), true)`.
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Brief => Some("10ms"),
            Self::Session => None,
        }
    }
}

/// Limits each wait for a lock until the transaction ends, with a separate statement. Does nothing for
/// [`LockWait::Session`].
///
/// # Errors
/// When the database fails.
pub async fn limit_lock_wait(
    connection: &mut AsyncPgConnection,
    wait: LockWait,
) -> Result<(), DbError> {
    let Some(setting) = wait.setting() else {
        return Ok(());
    };
    cached_sql("SELECT set_config('lock_timeout', $1, true)")
        .bind::<Text, _>(setting)
        .execute(connection)
        .await?;
    Ok(())
}
