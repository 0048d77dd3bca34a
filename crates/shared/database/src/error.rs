//! Errors of PostgreSQL, classified by what callers can do about them.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use oms_errors::{DATABASE_DENIED, DATABASE_UNAVAILABLE, INTERNAL, Problem};

use crate::failures::DbFailure;
use crate::retirement;

/// A failed statement or transaction. A missing row is not an error: lookups return `Option`.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The role lacks a privilege. The server's message names the table. Nothing was saved.
    #[error(
        "the database denied access: {0}; `oms-api grants` prints the privileges that the role needs"
    )]
    PermissionDenied(String),
    /// The database can't be reached, has no free connection in time, is shutting down, or is out of disk space.
    /// Nothing was saved.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A lock was not acquired within `lock_timeout`, or somebody cancelled the statement, which PostgreSQL does not
    /// always tell apart. The transaction is rolled back.
    #[error("a lock was not acquired in time")]
    LockTimeout,
    /// PostgreSQL aborted the transaction to resolve a deadlock or a serialisation conflict. It is rolled back.
    #[error("the transaction was aborted by a deadlock or a serialisation conflict")]
    Deadlock,
    /// The statement ran longer than `statement_timeout`. The transaction is rolled back.
    #[error("the statement took too long")]
    StatementTimeout,
    /// COMMIT was sent but its answer was lost, so the transaction may or may not be committed. Read the data to find
    /// out.
    #[error("the outcome of COMMIT is unknown: {0}")]
    CommitOutcomeUnknown(String),
    /// A unique key already contains the value.
    #[error("unique constraint {constraint} is violated")]
    UniqueViolation {
        /// Name of the constraint or index.
        constraint: String,
    },
    /// A CHECK, NOT NULL or foreign key refused the row.
    #[error("constraint {constraint} is violated")]
    ConstraintViolation {
        /// Name of the constraint, or of the column for NOT NULL.
        constraint: String,
    },
    /// A condition of [`expect_sql!`](crate::expect_sql) was false: a statement found other rows than its transaction
    /// needs. The transaction is rolled back.
    #[error("a statement did not find the rows that its transaction needs")]
    NotAsExpected,
    /// A compare-and-set under a lock changed nothing, although the lock guarantees a change. The cause is a bug, or a
    /// writer that takes no locks. Roll back the transaction.
    #[error("a locked row was not in the expected state: {0}")]
    UnexpectedState(&'static str),
    /// Anything else, which is a bug.
    #[error(transparent)]
    Other(DieselError),
}

impl DbError {
    /// Whether nothing was saved and the same work may be retried.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::PermissionDenied(_)
            | Self::LockTimeout
            | Self::Deadlock
            | Self::StatementTimeout => true,
            Self::CommitOutcomeUnknown(_)
            | Self::UniqueViolation { .. }
            | Self::ConstraintViolation { .. }
            | Self::NotAsExpected
            | Self::UnexpectedState(_)
            | Self::Other(_) => false,
        }
    }

    /// Returns an error unless a compare-and-set changed its row. `expectation` says why it must have changed.
    ///
    /// # Errors
    /// [`UnexpectedState`](Self::UnexpectedState). The caller rolls back its transaction, in release builds too.
    pub fn unless_changed(changed: bool, expectation: &'static str) -> Result<(), Self> {
        match changed {
            true => Ok(()),
            false => Err(Self::UnexpectedState(expectation)),
        }
    }

    /// Returns a copy of the error if it does not concern a single row and therefore applies to all others too.
    pub fn shared(&self) -> Option<Self> {
        match self {
            Self::Unavailable(cause) => Some(Self::Unavailable(cause.clone())),
            Self::PermissionDenied(cause) => Some(Self::PermissionDenied(cause.clone())),
            Self::StatementTimeout => Some(Self::StatementTimeout),
            Self::CommitOutcomeUnknown(cause) => Some(Self::CommitOutcomeUnknown(cause.clone())),
            Self::LockTimeout
            | Self::Deadlock
            | Self::UniqueViolation { .. }
            | Self::ConstraintViolation { .. }
            | Self::NotAsExpected
            | Self::UnexpectedState(_)
            | Self::Other(_) => None,
        }
    }

    /// Converts the error of a read-only statement. Such a statement never waits for row locks, so a lock timeout means
    /// that the whole table is locked, and concerns every reader.
    #[must_use]
    pub fn of_reading(self) -> Self {
        match self {
            Self::LockTimeout => Self::Unavailable("a table is locked".to_owned()),
            other => other,
        }
    }

    /// Whether another session held a needed lock. The transaction is rolled back.
    pub fn is_contended(&self) -> bool {
        matches!(self, Self::LockTimeout | Self::Deadlock)
    }

    /// Converts the error of a COMMIT, whose outcome is unknown if the connection broke.
    pub(crate) fn of_commit(error: DieselError) -> Self {
        let error = match classify(error) {
            Self::Unavailable(cause) => Self::CommitOutcomeUnknown(cause),
            definite => definite,
        };
        DbFailure::count_in(&error);
        error
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        let error = classify(error);
        DbFailure::count_in(&error);
        error
    }
}

fn classify(error: DieselError) -> DbError {
    retirement::notice(&error);
    match error {
        DieselError::DatabaseError(kind, information) => by_kind(kind, information),
        // The transaction manager marked the connection as broken after an error in a transaction.
        DieselError::BrokenTransactionManager => {
            DbError::Unavailable("the connection broke inside a transaction".into())
        }
        other => DbError::Other(other),
    }
}

type Information = Box<dyn DatabaseErrorInformation + Send + Sync>;

fn by_kind(kind: DatabaseErrorKind, information: Information) -> DbError {
    match kind {
        DatabaseErrorKind::UniqueViolation => DbError::UniqueViolation {
            constraint: constraint_of(information.as_ref()),
        },
        DatabaseErrorKind::CheckViolation if information.constraint_name() == Some(AS_EXPECTED) => {
            DbError::NotAsExpected
        }
        DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation => DbError::ConstraintViolation {
            constraint: constraint_of(information.as_ref()),
        },
        DatabaseErrorKind::SerializationFailure => DbError::Deadlock,
        DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
            DbError::Unavailable(information.message().to_owned())
        }
        kind => by_message(kind, information),
    }
}

/// The constraint of the domain `installation.expected`.
const AS_EXPECTED: &str = "as_expected";

fn constraint_of(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    let name = information
        .constraint_name()
        .or_else(|| information.column_name())
        .or_else(|| named_in(information.message()));
    without_shard(name.unwrap_or("(unnamed)")).to_owned()
}

/// The constraint named in a message, which is all that a distributed engine forwards from its nodes.
fn named_in(message: &str) -> Option<&str> {
    let (_, name) = message.split_once("constraint \"")?;
    name.split('"').next()
}

/// The constraint name from the migrations. A distributed engine appends the number of a shard to it.
fn without_shard(name: &str) -> &str {
    let Some((named, number)) = name.rsplit_once('_') else {
        return name;
    };
    let is_shard = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_shard { named } else { name }
}

/// Messages of an unavailable server. diesel hides their SQLSTATE, so only the text is left, and `lc_messages` must be
/// English.
const UNAVAILABLE: [&str; 11] = [
    "terminating connection",
    "the database system is",
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "No space left on device",
    "out of shared memory",
    "cannot execute",
    // The pool discards the session, and a new one prepares its statements again.
    "cached plan must not change result type",
    // A distributed engine reports these when one of its nodes is down.
    "connection to the remote node",
    "could not establish any connections to the node",
];

/// Messages of a wait that `lock_timeout` ended.
///
/// PostgreSQL forgets the reason when one statement waits twice (first for its place in the row's queue, then for the
/// row's holder) and the time ends between the two waits: it then reports a cancellation by a user. A real
/// `pg_cancel_backend` is answered in the same way: the work is tried again, in turn, or refused as contended.
const LOCK_TIMEOUT: [&str; 2] = [
    "due to lock timeout",
    "canceling statement due to user request",
];

/// The message of a distributed engine that lost a node during COMMIT. The node may have committed.
const COMMIT_UNKNOWN: &str = "could not commit transaction";

/// Messages of SQLSTATE 42501, insufficient_privilege.
const DENIED: [&str; 3] = [
    "permission denied for ",
    "permission denied to ",
    "must be owner of ",
];

fn by_message(kind: DatabaseErrorKind, information: Information) -> DbError {
    let message = information.message();
    if DENIED.iter().any(|text| message.starts_with(text)) {
        return DbError::PermissionDenied(message.to_owned());
    }
    if message.starts_with(COMMIT_UNKNOWN) {
        return DbError::CommitOutcomeUnknown(message.to_owned());
    }
    if message.starts_with("deadlock detected") || message.contains("distributed deadlock") {
        return DbError::Deadlock;
    }
    if LOCK_TIMEOUT.iter().any(|text| message.contains(text)) {
        return DbError::LockTimeout;
    }
    if message.contains("due to statement timeout") {
        return DbError::StatementTimeout;
    }
    if UNAVAILABLE.iter().any(|text| message.contains(text)) {
        return DbError::Unavailable(message.to_owned());
    }
    DbError::Other(DieselError::DatabaseError(kind, information))
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let problem_type = match &error {
            DbError::PermissionDenied(_) => &DATABASE_DENIED,
            error if error.is_transient() => &DATABASE_UNAVAILABLE,
            _ => &INTERNAL,
        };
        let problem = Problem::of(problem_type).with_source(error);
        match problem_type.kind.is_retryable() {
            true => problem.with_retry_after_s(1),
            false => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(message: &str) -> DbError {
        let information = Box::new(message.to_owned());
        DbError::from(DieselError::DatabaseError(
            DatabaseErrorKind::Unknown,
            information,
        ))
    }

    #[test]
    fn messages_are_classified_by_their_text() {
        assert!(matches!(unknown("deadlock detected"), DbError::Deadlock));
        for lock in [
            "canceling statement due to lock timeout",
            "canceling statement due to user request",
        ] {
            assert!(matches!(unknown(lock), DbError::LockTimeout), "{lock}");
        }
        let statement = unknown("canceling statement due to statement timeout");
        assert!(matches!(statement, DbError::StatementTimeout));
        for denied in [
            "permission denied for table orders",
            "permission denied for schema payments",
            "permission denied to create extension",
            "must be owner of table orders",
        ] {
            let error = unknown(denied);
            assert!(matches!(&error, DbError::PermissionDenied(_)), "{denied}");
            assert!(error.to_string().contains(denied), "{error}");
        }
        let stopped = unknown("terminating connection due to administrator command");
        assert!(matches!(stopped, DbError::Unavailable(_)));
        assert!(matches!(
            unknown("relation \"x\" does not exist"),
            DbError::Other(_)
        ));
    }

    #[test]
    fn messages_of_a_distributed_engine_are_classified() {
        let lost = "connection to the remote node oms@worker-2:5432 failed with the following error: Connection refused";
        assert!(matches!(unknown(lost), DbError::Unavailable(_)));
        let deadlock = "canceling the transaction since it was involved in a distributed deadlock";
        assert!(matches!(unknown(deadlock), DbError::Deadlock));
        // The node may have committed, both after COMMIT and after a statement outside of a transaction.
        let commit = "could not commit transaction for shard 102301 on at least one active node";
        assert!(matches!(unknown(commit), DbError::CommitOutcomeUnknown(_)));
        let information = Box::new(lost.to_owned());
        let at_commit = DieselError::DatabaseError(DatabaseErrorKind::Unknown, information);
        assert!(matches!(
            DbError::of_commit(at_commit),
            DbError::CommitOutcomeUnknown(_)
        ));
    }

    #[test]
    fn a_constraint_name_is_extracted_from_a_message() {
        let violated = DieselError::DatabaseError(
            DatabaseErrorKind::UniqueViolation,
            Box::new("duplicate key value violates unique constraint \"products_tenant_id_sku_key_102301\"".to_owned()),
        );
        let DbError::UniqueViolation { constraint } = DbError::from(violated) else {
            panic!("a unique key is violated");
        };
        assert_eq!(constraint, "products_tenant_id_sku_key");
    }

    #[test]
    fn a_constraint_of_a_shard_is_reported_by_its_original_name() {
        for (name, own) in [
            (
                "warehouses_tenant_id_name_key_102301",
                "warehouses_tenant_id_name_key",
            ),
            (
                "warehouses_tenant_id_name_key",
                "warehouses_tenant_id_name_key",
            ),
            ("orders_check_12", "orders_check_12"),
            ("key", "key"),
        ] {
            assert_eq!(without_shard(name), own);
        }
    }

    #[test]
    fn a_commit_on_a_broken_connection_has_an_unknown_outcome() {
        let broken = DieselError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand,
            Box::new("connection closed".to_owned()),
        );
        assert!(matches!(
            DbError::of_commit(broken),
            DbError::CommitOutcomeUnknown(_)
        ));
    }

    #[test]
    fn transient_errors_become_503_and_bugs_become_500() {
        let code = |error: DbError| Problem::from(error).problem_type().code;
        assert_eq!(code(DbError::LockTimeout), "service.database_unavailable");
        let denied = DbError::PermissionDenied("permission denied for table orders".to_owned());
        assert_eq!(code(denied), "service.database_denied");
        for defect in [
            DbError::Other(DieselError::NotFound),
            DbError::UnexpectedState("the order is locked"),
        ] {
            assert_eq!(code(defect), "service.internal");
        }
    }
}
