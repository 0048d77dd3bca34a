//! Counts what went wrong with the database, of the whole process: errors are made where there is a connection and nothing
//! else.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::DbError;

static COUNTS: [AtomicU64; DbFailure::ALL.len()] =
    [const { AtomicU64::new(0) }; DbFailure::ALL.len()];

/// A kind of failure that is no defect of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbFailure {
    /// No connection could be had in time.
    NoConnection,
    /// The server was not available, or went away.
    Unavailable,
    /// The role lacks a right.
    PermissionDenied,
    /// A lock could not be had in time.
    LockTimeout,
    /// A deadlock, or a serialisation conflict, was lost.
    Deadlock,
    /// A statement took too long.
    StatementTimeout,
    /// The answer to COMMIT was lost.
    CommitOutcomeUnknown,
}

impl DbFailure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoConnection,
        Self::Unavailable,
        Self::PermissionDenied,
        Self::LockTimeout,
        Self::Deadlock,
        Self::StatementTimeout,
        Self::CommitOutcomeUnknown,
    ];

    /// As the metrics have it.
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

    /// How often this happened since the process started.
    pub fn count(self) -> u64 {
        COUNTS[self as usize].load(Ordering::Relaxed)
    }

    /// Once more.
    pub(crate) fn happened(self) {
        COUNTS[self as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Once more, if this is one.
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
    fn each_kind_has_a_count_of_its_own() {
        for (index, failure) in DbFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
    }
}
