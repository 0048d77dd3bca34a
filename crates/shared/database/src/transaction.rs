//! Transactions.

use diesel::connection::TransactionDepthChange;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};

use crate::signals;
use crate::steps::{Unsent, send};
use crate::{DbError, Steps};

pub(crate) type Manager = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// A condition, as SQL, that is true only inside a transaction that this module began.
///
/// The first statements of a [`Transaction`] are sent together with its BEGIN. If BEGIN fails, for example because it
/// is cancelled, a statement would run in its own transaction and be committed immediately, so a statement that writes
/// must include this condition. It checks for DEFERRABLE, which has no effect unless a transaction is SERIALIZABLE and
/// which nothing else sets.
#[macro_export]
macro_rules! in_transaction_sql {
    () => {
        "current_setting('transaction_deferrable')::boolean"
    };
}

/// An SQL expression that fails with [`DbError::NotAsExpected`] if `$condition` is false, so that the transaction can't
/// commit. It passes if the condition is NULL.
///
/// With it, COMMIT can be sent together with the statement on whose result it depends.
#[macro_export]
macro_rules! expect_sql {
    ($condition:literal) => {
        concat!("(", $condition, ")::installation.expected")
    };
}

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
    let begun = AnsiTransactionManager::begin_transaction_sql(connection, wait.begin()).await;
    begun.map_err(DbError::from)?;
    match work(connection).await {
        Ok(value) => {
            let committed = Manager::commit_transaction(connection).await;
            // After an unknown outcome too.
            signals::notify(connection, Vec::new());
            committed.map_err(DbError::of_commit)?;
            Ok(value)
        }
        Err(error) => {
            roll_back(connection).await;
            Err(error)
        }
    }
}

/// A transaction whose BEGIN is sent with its first statements and whose COMMIT is sent with its last.
///
/// Nothing is sent before the first [`send`](Self::send). End it with [`commit_with`](Self::commit_with) or
/// [`roll_back`](Self::roll_back). Dropping it leaves it open, and the pool then closes the connection.
#[must_use = "it is open until it is committed or rolled back"]
pub struct Transaction<'a> {
    connection: &'a mut AsyncPgConnection,
    begin: Option<&'static str>,
}

impl<'a> Transaction<'a> {
    /// Creates a transaction with a limit for each wait for a lock. Sends nothing.
    pub fn new(connection: &'a mut AsyncPgConnection, wait: LockWait) -> Self {
        Self {
            connection,
            begin: Some(wait.begin()),
        }
    }

    /// Sends statements, in one round trip if the connection has already prepared them. In the first call, each
    /// statement that writes must include the condition [`in_transaction_sql!`](crate::in_transaction_sql).
    ///
    /// # Errors
    /// The error of the first statement that failed. The caller must then roll back.
    pub async fn send<S>(&mut self, steps: S) -> Result<S::Answers, S::Error>
    where
        S: Steps,
        S::Error: From<DbError>,
    {
        let begin = self.begin.take();
        if begin.is_some() {
            enter(self.connection)?;
        }
        let sent = send(self.connection, begin, steps, None).await;
        sent.map_err(|error| match error {
            Unsent::Statement { refused, .. } => refused.into_error(),
            Unsent::Begin(error) | Unsent::Commit(error) => DbError::from(error).into(),
        })
    }

    /// Sends the last statements and commits, all in one round trip if the connection has already prepared them. If one
    /// of them fails, nothing is committed; use [`expect_sql!`](crate::expect_sql) for conditions of the commit. If
    /// these are the only statements, each that writes must include the condition
    /// [`in_transaction_sql!`](crate::in_transaction_sql).
    ///
    /// # Errors
    /// The error of the first statement that failed, after a rollback, or the error of COMMIT.
    /// [`DbError::CommitOutcomeUnknown`] if the connection broke before everything was answered.
    pub async fn commit_with<S>(self, steps: S) -> Result<S::Answers, S::Error>
    where
        S: Steps,
        S::Error: From<DbError>,
    {
        let Self { connection, begin } = self;
        if begin.is_some() {
            enter(connection)?;
        }
        let error = match send(connection, begin, steps, Some("COMMIT")).await {
            Ok(answers) => {
                leave(connection)?;
                return Ok(answers);
            }
            Err(error) => error,
        };
        match error {
            Unsent::Statement { refused, is_over } if is_answer(&refused.cause) => {
                match is_over {
                    true => leave(connection)?,
                    false => roll_back(connection).await,
                }
                Err(refused.into_error())
            }
            // The connection broke. The server may have executed the statement and COMMIT.
            Unsent::Statement { refused, .. } => Err(DbError::of_commit(refused.cause).into()),
            Unsent::Commit(error) => Err(DbError::of_commit(error).into()),
            Unsent::Begin(error) => {
                roll_back(connection).await;
                Err(DbError::from(error).into())
            }
        }
    }

    /// Rolls back the transaction.
    pub async fn roll_back(self) {
        // Otherwise nothing was sent yet.
        if self.begin.is_none() {
            roll_back(self.connection).await;
        }
    }
}

/// Whether the error is an answer of the server, not a broken connection.
fn is_answer(error: &DieselError) -> bool {
    !matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
            _
        )
    )
}

/// Marks the transaction as open for the driver and the pool.
fn enter(connection: &mut AsyncPgConnection) -> Result<(), DbError> {
    let manager = Manager::transaction_manager_status_mut(connection);
    if manager.transaction_depth()?.is_some() {
        return Err(DieselError::AlreadyInTransaction.into());
    }
    let state = manager.transaction_state()?;
    Ok(state.change_transaction_depth(TransactionDepthChange::IncreaseDepth)?)
}

/// Marks the transaction as ended.
fn leave(connection: &mut AsyncPgConnection) -> Result<(), DbError> {
    let state = Manager::transaction_manager_status_mut(connection).transaction_state()?;
    Ok(state.change_transaction_depth(TransactionDepthChange::DecreaseDepth)?)
}

async fn roll_back(connection: &mut AsyncPgConnection) {
    signals::forget(connection);
    if let Err(rollback) = Manager::rollback_transaction(connection).await {
        // The pool closes the connection, and PostgreSQL then rolls back.
        tracing::debug!(cause = %rollback, "rollback failed");
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
    /// The value of `lock_timeout`, for a statement that is a transaction of its own. `None` leaves it as it is.
    ///
    /// The statement sets it without a round trip:
    /// `set_config('lock_timeout', coalesce($1, current_setting('lock_timeout')), true)`.
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Brief => Some("10ms"),
            Self::Session => None,
        }
    }

    /// The statements that begin a transaction with this limit. A distributed engine propagates `SET LOCAL` to all of
    /// its nodes, but not `set_config`.
    const fn begin(self) -> &'static str {
        match self {
            Self::Brief => "BEGIN DEFERRABLE; SET LOCAL lock_timeout = '10ms'",
            Self::Session => "BEGIN DEFERRABLE",
        }
    }
}
