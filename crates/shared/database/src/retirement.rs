//! Sessions that are of no more use, though their connections are well.
//!
//! A server that was demoted, or made read-only, keeps the sessions that it has: their pool would go on handing them out, and
//! every change would fail, long after clients that connect anew get to the right server. The same goes for a session
//! whose prepared statements are gone, or do not fit their tables any more. Whatever befell one session may have befallen
//! all that are as old.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;

/// Sessions are retired at most this often: while nothing is writable, connecting anew for each request would help nobody.
const PAUSE: Duration = Duration::from_secs(1);

/// Those of this process. Which of them it was is hidden from whoever reads an error, and does not matter.
static SESSIONS: Retirement = Retirement(Mutex::new(None));

/// Whether a session that was made then is retired.
pub(crate) fn includes(made_at: Instant) -> bool {
    SESSIONS.includes(made_at)
}

/// Retires all sessions that exist, when an error says that one is of no more use.
pub(crate) fn notice(error: &DieselError) {
    if is_useless_after(error) {
        SESSIONS.retire(Instant::now(), error);
    }
}

/// Which sessions are retired: those that were made before a moment.
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
            tracing::warn!(cause = %error, "the sessions of the pool are given up");
        }
    }
}

/// diesel hides the SQLSTATE: 25006, 0A000, 26000 and 42P05.
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
    fn a_session_is_useless_when_it_can_not_write_or_its_statements_do_not_fit() {
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
    fn sessions_that_are_made_after_it_are_in_use() {
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
        // Not with every failure of those that are new.
        retirement.retire(
            later,
            &error("cannot execute INSERT in a read-only transaction"),
        );
        assert!(!retirement.includes(later));
    }
}
