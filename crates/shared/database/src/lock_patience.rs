//! Trying a migration again that could not lock its tables in time.
//!
//! While it waits for a lock, every other query on the table waits behind it: so it waits briefly, gives up, lets the others
//! go on, and tries again.

use std::time::Duration;

/// How often a migration is tried whose tables are locked.
pub struct LockPatience {
    /// How often in all, at least once.
    pub tries: u32,
    /// Between two tries.
    pub pause: Duration,
    /// Is told of each failed try but the last.
    pub report: Box<dyn Fn(&str) + Send>,
}

impl LockPatience {
    /// One try.
    pub fn none() -> Self {
        Self {
            tries: 1,
            pause: Duration::ZERO,
            report: Box::new(|_| {}),
        }
    }

    /// Runs `work` again after each failure that `may_pass`, up to the last try, with `pause` in between.
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

    /// Fails so often with this error; returns how often it was tried, what was reported and which pauses were made.
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
    fn a_lock_is_tried_for_again_with_pauses_and_other_failures_are_final() {
        let pause = Duration::from_secs(2);
        assert_eq!(tried(0, "locked"), (Ok(1), 0, vec![]));
        assert_eq!(tried(2, "locked"), (Ok(3), 2, vec![pause; 2]));
        assert_eq!(tried(3, "locked"), (Err("locked"), 2, vec![pause; 2]));
        assert_eq!(tried(1, "broken"), (Err("broken"), 0, vec![]));
    }
}
