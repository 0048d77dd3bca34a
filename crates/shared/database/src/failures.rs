//! Counts database failures of the whole process. The counters are static, because the code that creates errors has
//! nothing but a connection.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::DbError;

static COUNTS: [AtomicU64; DbFailure::ALL.len()] =
    [const { AtomicU64::new(0) }; DbFailure::ALL.len()];

/// A kind of failure that is not a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbFailure {
    /// No connection was free in time.
    NoConnection,
    /// The server was unavailable, or closed the connection.
    Unavailable,
    /// The role lacks a privilege.
    PermissionDenied,
    /// A lock was not acquired in time.
    LockTimeout,
    /// A deadlock or a serialisation conflict aborted a transaction.
    Deadlock,
    /// A statement took too long.
    StatementTimeout,
    /// The answer to COMMIT was lost.
    CommitOutcomeUnknown,
}

impl DbFailure {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::NoConnection,
        Self::Unavailable,
        Self::PermissionDenied,
        Self::LockTimeout,
        Self::Deadlock,
        Self::StatementTimeout,
        Self::CommitOutcomeUnknown,
    ];

    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoConnection => "no_connection",
            Self::Unavailable => "unavailable",
            Self::PermissionDenied => "permission_denied",
            Self::LockTimeout => "lock_timeout",
            Self::Deadlock => "deadlock",
            Self::StatementTimeout => "statement_timeout",
            Self::CommitOutcomeUnknown => "commit_outcome_unknown",
        }
    }

    /// The number of failures since the process started.
    pub fn count(self) -> u64 {
        COUNTS[self as usize].load(Ordering::Relaxed)
    }

    /// Counts a failure.
    pub(crate) fn happened(self) {
        COUNTS[self as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an error if it is one of these failures.
    pub(crate) fn count_in(error: &DbError) {
        let failure = match error {
            DbError::Unavailable(_) => Self::Unavailable,
            DbError::PermissionDenied(_) => Self::PermissionDenied,
            DbError::LockTimeout => Self::LockTimeout,
            DbError::Deadlock => Self::Deadlock,
            DbError::StatementTimeout => Self::StatementTimeout,
            DbError::CommitOutcomeUnknown(_) => Self::CommitOutcomeUnknown,
            DbError::UniqueViolation { .. }
            | DbError::ConstraintViolation { .. }
            | DbError::NotAsExpected
            | DbError::UnexpectedState(_)
            | DbError::Other(_) => return,
        };
        failure.happened();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_counter() {
        for (index, failure) in DbFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
    }
}
