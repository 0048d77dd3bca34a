//! Transactions.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, TransactionManager};

use crate::{DbError, cached_sql};

type Manager = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// Runs `work` in a transaction: commits when it returns `Ok`, rolls back when it returns `Err`.
///
/// Run it inside a spawned task and never put a time-out around it: a future that is dropped half-way leaves the
/// transaction open, with its locks. The connection's own time-outs bound it.
///
/// # Errors
/// What `work` returned, or why BEGIN or COMMIT failed. [`DbError::CommitOutcomeUnknown`] means just that.
pub async fn transaction<T, E, Work>(connection: &mut AsyncPgConnection, work: Work) -> Result<T, E>
where
    Work: AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, E>,
    E: From<DbError>,
{
    transaction_within(connection, LockWait::Session, work).await
}

/// The same, with a bound for each wait for a lock.
///
/// # Errors
/// As [`transaction`]; [`DbError::LockTimeout`] when a lock can't be had in time.
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
                // The pool throws the connection away, and PostgreSQL then rolls back by itself.
                tracing::debug!(cause = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// How long statements wait for a lock that another session holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    /// A few milliseconds: what another transaction holds while it commits is worth waiting for, nothing else.
    Brief,
    /// As long as the session is set to.
    Session,
}

impl LockWait {
    /// The value of `lock_timeout`, for statements that set it until their transaction ends. `None` leaves it as it is.
    ///
    /// A statement does so by itself, without a round trip of its own:
    /// `set_config('lock_timeout', coalesce($1, current_setting('lock_timeout')), true)`.
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Brief => Some("10ms"),
            Self::Session => None,
        }
    }
}

/// Bounds each wait for a lock until the transaction ends, in a statement of its own. Nothing is asked where the session's
/// bound stays.
///
/// # Errors
/// When the database does not answer.
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
