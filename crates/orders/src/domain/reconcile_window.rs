//! The time window in which books are compared.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use oms_payments::ChargeWindow;

/// Maximum length of a window, in days.
const MAX_DAYS: i64 = 366;

/// The time window in which the gateway's books are compared with ours, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileWindow {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// The times don't form a valid window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// The end is not after the start.
    #[error("the end must be at least one second after the start")]
    Empty,
    /// It is too long for one comparison.
    #[error("the window must not be longer than {MAX_DAYS} days")]
    TooLong,
    /// The future can't be compared.
    #[error("the end must not be in the future")]
    InTheFuture,
}

impl ReconcileWindow {
    /// A window from `from` (inclusive) to `to` (exclusive). Both are truncated to whole seconds, the unit of gateways;
    /// the current second may be included.
    ///
    /// # Errors
    /// If it is empty, longer than 366 days, or ends in the future.
    pub fn new(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Self, InvalidWindow> {
        let (from, to) = (from.trunc_subsecs(0), to.trunc_subsecs(0));
        if from >= to {
            return Err(InvalidWindow::Empty);
        }
        if to > now + TimeDelta::seconds(1) {
            return Err(InvalidWindow::InTheFuture);
        }
        if to - from > TimeDelta::days(MAX_DAYS) {
            return Err(InvalidWindow::TooLong);
        }
        Ok(Self { from, to })
    }

    /// The start, inclusive.
    pub fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The end, exclusive.
    pub fn to(&self) -> DateTime<Utc> {
        self.to
    }

    pub(crate) fn of_charges(&self) -> ChargeWindow {
        ChargeWindow {
            from: self.from,
            to: self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 999_000_000).unwrap()
    }

    #[test]
    fn a_window_is_not_empty_ends_in_the_past_and_has_at_most_366_days() {
        let day = 86_400;
        let now = at(0);
        let error = |from, to| ReconcileWindow::new(at(from), at(to), now).err();
        assert_eq!(error(-1, 0), None);
        assert_eq!(error(-1, 1), None);
        assert_eq!(error(-366 * day, 0), None);
        assert_eq!(error(0, 0), Some(InvalidWindow::Empty));
        assert_eq!(error(0, -1), Some(InvalidWindow::Empty));
        assert_eq!(error(-1, 2), Some(InvalidWindow::InTheFuture));
        assert_eq!(error(-366 * day - 1, 0), Some(InvalidWindow::TooLong));
    }

    #[test]
    fn a_window_has_whole_seconds() {
        let window = ReconcileWindow::new(at(-10), at(0), at(0)).unwrap();
        let nanoseconds = [window.from(), window.to()].map(|time| time.timestamp_subsec_nanos());
        assert_eq!(nanoseconds, [0, 0]);
    }
}
