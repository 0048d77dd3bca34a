//! Retries of migrations that could not lock their tables in time.
//!
//! While a migration waits for a lock, every later query on the table waits behind it. So it waits only briefly, gives
//! up so that the others can continue, and tries again.

use std::time::Duration;

/// The retries of a migration whose tables are locked.
pub struct LockPatience {
    /// Maximum number of tries, at least 1.
    pub tries: u32,
    /// The pause between two tries.
    pub pause: Duration,
    /// Called after each failed try except the last.
    pub report: Box<dyn Fn(&str) + Send>,
}

impl LockPatience {
    /// Tries once.
    pub fn none() -> Self {
        Self {
            tries: 1,
            pause: Duration::ZERO,
            report: Box::new(|_| {}),
        }
    }

    /// Runs `work`, and repeats it after each failure that `may_pass`, up to the last try, with `pause` in between.
    pub(crate) fn run<T, E>(
        &self,
        what: &str,
        mut work: impl FnMut() -> Result<T, E>,
        may_pass: impl Fn(&E) -> bool,
        pause: impl Fn(Duration),
    ) -> Result<T, E> {
        for tried in 1..self.tries {
            match work() {
                Err(error) if may_pass(&error) => {
                    let pause_ms = self.pause.as_millis();
                    let tries = self.tries;
                    (self.report)(&format!(
                        "{what} could not lock its tables in time (try {tried} of {tries}); the next try is in {pause_ms} ms"
                    ));
                    pause(self.pause);
                }
                done => return done,
            }
        }
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Fails this many times with this error. Returns the result with the number of tries, the number of reports, and
    /// the pauses.
    fn tried(
        failures: u32,
        error: &'static str,
    ) -> (Result<u32, &'static str>, usize, Vec<Duration>) {
        let reports: Arc<Mutex<Vec<String>>> = Arc::default();
        let reported = reports.clone();
        let patience = LockPatience {
            tries: 3,
            pause: Duration::from_secs(2),
            report: Box::new(move |text| reported.lock().unwrap().push(text.to_owned())),
        };
        let (calls, pauses) = (Cell::new(0), RefCell::new(Vec::new()));
        let done = patience.run(
            "orders_notes",
            || {
                calls.set(calls.get() + 1);
                match calls.get() > failures {
                    true => Ok(calls.get()),
                    false => Err(error),
                }
            },
            |error| *error == "locked",
            |pause| pauses.borrow_mut().push(pause),
        );
        let reports = reports.lock().unwrap().len();
        (done, reports, pauses.into_inner())
    }

    #[test]
    fn a_failed_lock_is_retried_after_a_pause_and_other_failures_are_final() {
        let pause = Duration::from_secs(2);
        assert_eq!(tried(0, "locked"), (Ok(1), 0, vec![]));
        assert_eq!(tried(2, "locked"), (Ok(3), 2, vec![pause; 2]));
        assert_eq!(tried(3, "locked"), (Err("locked"), 2, vec![pause; 2]));
        assert_eq!(tried(1, "broken"), (Err("broken"), 0, vec![]));
    }
}
