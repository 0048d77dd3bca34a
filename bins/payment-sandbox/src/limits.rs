//! The rate limit: a number of calls within one second of the clock, then 429. Pure: the time is a parameter. Stripe's
//! own: <https://docs.stripe.com/rate-limits>.

/// A limit on all calls together, off unless the control API sets it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateLimit {
    per_second: Option<u64>,
    second: i64,
    admitted: u64,
    /// The number of calls that were rejected.
    pub(crate) refused: u64,
}

impl RateLimit {
    /// Sets the limit, or removes it.
    pub(crate) fn set(&mut self, per_second: Option<u64>) {
        self.per_second = per_second;
        self.admitted = 0;
    }

    /// Whether another call is allowed in this second.
    pub(crate) fn admits(&mut self, now: i64) -> bool {
        let Some(per_second) = self.per_second else {
            return true;
        };
        if self.second != now {
            (self.second, self.admitted) = (now, 0);
        }
        let admitted = self.admitted < per_second;
        if admitted {
            self.admitted += 1;
        } else {
            self.refused += 1;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_allows_the_limits_number_of_calls() {
        let mut limit = RateLimit::default();
        assert!(limit.admits(1));
        limit.set(Some(2));
        let admitted: Vec<bool> = [1, 1, 1, 2, 2, 2].map(|second| limit.admits(second)).into();
        assert_eq!(admitted, [true, true, false, true, true, false]);
        assert_eq!(limit.refused, 2);
        limit.set(None);
        assert!(limit.admits(2));
    }

    #[test]
    fn a_limit_of_zero_rejects_every_call() {
        let mut limit = RateLimit::default();
        limit.set(Some(0));
        assert!(!limit.admits(1) && !limit.admits(2));
    }
}
