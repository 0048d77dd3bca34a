//! Transactions.

use diesel_async::{AsyncPgConnection, TransactionManager};

use crate::DbError;

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
    let begun = match wait.begin() {
        None => Manager::begin_transaction(connection).await,
        Some(statements) => Manager::begin_transaction_sql(connection, statements).await,
    };
    begun.map_err(DbError::from)?;
    match work(connection).await {
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

    /// The statements that begin a transaction with this bound, in one round trip. `None` leaves it as it is. A distributed
    /// engine takes `SET LOCAL` to all of its nodes, and `set_config` to none.
    const fn begin(self) -> Option<&'static str> {
        match self {
            Self::Brief => Some("BEGIN; SET LOCAL lock_timeout = '10ms'"),
            Self::Session => None,
        }
    }
}
