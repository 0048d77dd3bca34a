//! Retirement of sessions that are useless although their connections work.
//!
//! A server that was demoted or made read-only keeps its sessions. The pool would keep handing them out, and every
//! write would fail, long after new connections reach the right server. The same applies to a session whose prepared
//! statements are lost or no longer match their tables. A defect of one session may affect all sessions of the same age
//! or older.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;

/// Minimum interval between retirements. While no server is writable, reconnecting for each request would not help.
const PAUSE: Duration = Duration::from_secs(1);

/// The sessions of this process. An error doesn't reveal its session, which doesn't matter here.
static SESSIONS: Retirement = Retirement(Mutex::new(None));

/// Whether a session created at this time is retired.
pub(crate) fn includes(made_at: Instant) -> bool {
    SESSIONS.includes(made_at)
}

/// Retires all existing sessions if an error shows that one is useless.
pub(crate) fn notice(error: &DieselError) {
    if is_useless_after(error) {
        SESSIONS.retire(Instant::now(), error);
    }
}

/// The time of the last retirement. Sessions created before are retired.
struct Retirement(Mutex<Option<Instant>>);

impl Retirement {
    fn includes(&self, made_at: Instant) -> bool {
        let retired_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        retired_at.is_some_and(|at| made_at <= at)
    }

    fn retire(&self, now: Instant, error: &DieselError) {
        let mut retired_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if retired_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE) {
            *retired_at = Some(now);
            tracing::warn!(cause = %error, "discarding the sessions of the connection pool");
        }
    }
}

/// Recognises SQLSTATE 25006, 0A000, 26000 and 42P05 by their messages, because diesel hides the codes.
fn is_useless_after(error: &DieselError) -> bool {
    let DieselError::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    message.contains("in a read-only transaction")
        || message.contains("during recovery")
        || message.contains("cached plan must not change result type")
        || (message.starts_with("prepared statement ")
            && (message.ends_with("does not exist") || message.ends_with("already exists")))
}

#[cfg(test)]
mod tests {
    use diesel::result::DatabaseErrorKind;

    use super::*;

    fn error(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn a_session_is_useless_if_it_can_not_write_or_its_statements_are_invalid() {
        for message in [
            "cannot execute INSERT in a read-only transaction",
            "cannot execute nextval() in a read-only transaction",
            "cannot execute LOCK TABLE during recovery",
            "cached plan must not change result type",
            "prepared statement \"s1\" does not exist",
            "prepared statement \"s1\" already exists",
        ] {
            assert!(is_useless_after(&error(message)), "{message}");
        }
        for message in [
            "relation \"orders\" does not exist",
            "canceling statement due to lock timeout",
            "permission denied for table orders",
        ] {
            assert!(!is_useless_after(&error(message)), "{message}");
        }
    }

    #[test]
    fn sessions_created_after_a_retirement_stay_in_use() {
        let retirement = Retirement(Mutex::new(None));
        let made_at = Instant::now();
        assert!(!retirement.includes(made_at));
        let now = made_at + Duration::from_secs(1);
        retirement.retire(
            now,
            &error("cannot execute INSERT in a read-only transaction"),
        );
        assert!(retirement.includes(made_at));
        let later = now + Duration::from_millis(1);
        assert!(!retirement.includes(later));
        // A failure of a new session within the interval doesn't retire it.
        retirement.retire(
            later,
            &error("cannot execute INSERT in a read-only transaction"),
        );
        assert!(!retirement.includes(later));
    }
}
