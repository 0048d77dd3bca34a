//! What the answer to a delivery means.

use std::time::Duration;

/// How an attempt to deliver an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Delivered,
    /// Another status.
    Answered {
        /// The HTTP status.
        status: u16,
        /// What the header `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name has no address.
    Dns,
    /// No address of the endpoint may be called.
    AddressNotAllowed,
    /// No connection could be opened.
    Connect,
    /// The certificate or the handshake failed.
    Tls,
    /// The answer did not arrive in time.
    Timeout,
    /// The connection was closed before the answer.
    Closed,
}

/// What an outcome counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The event was delivered.
    Delivered,
    /// The endpoint is gone for good.
    Gone,
    /// The endpoint can't be reached: nothing is sent to it but a probe.
    Unreachable { retry_after: Option<Duration> },
    /// The endpoint rejected this event.
    Rejected { retry_after: Option<Duration> },
}

/// Number of events in a row that were answered 5xx, with no success between them, that make an endpoint unreachable.
const ERRORS_IN_A_ROW: i32 = 3;

/// Judges outcomes of one endpoint. A server error counts for the event while other deliveries succeed, and for the
/// endpoint when none does. An event that is retried counts only for itself, unless the endpoint is failing anyway: a
/// single event that breaks the receiver must not stop the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judge {
    errors_in_a_row: i32,
}

impl Judge {
    /// Continues a count.
    pub(crate) fn resuming(errors_in_a_row: i32) -> Self {
        Self { errors_in_a_row }
    }

    pub(crate) fn errors_in_a_row(self) -> i32 {
        self.errors_in_a_row
    }

    pub(crate) fn judge(
        &mut self,
        outcome: Outcome,
        is_first_try: bool,
        is_failing: bool,
    ) -> Verdict {
        let (status, retry_after) = match outcome {
            Outcome::Delivered => {
                self.errors_in_a_row = 0;
                return Verdict::Delivered;
            }
            Outcome::Failed(_) => (None, None),
            Outcome::Answered {
                status,
                retry_after,
            } => (Some(status), retry_after),
        };
        let is_error = status.is_some_and(|status| status >= 500);
        if is_error && is_first_try {
            self.errors_in_a_row = self.errors_in_a_row.saturating_add(1);
        }
        let says_not_now = match status {
            None | Some(429 | 502..=504) => true,
            Some(_) => is_error && self.errors_in_a_row >= ERRORS_IN_A_ROW,
        };
        match status {
            Some(410) => Verdict::Gone,
            _ if says_not_now && (is_first_try || is_failing) => {
                Verdict::Unreachable { retry_after }
            }
            _ => Verdict::Rejected { retry_after },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Option<Duration> = Some(Duration::from_secs(7));

    fn status(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            retry_after: LATER,
        }
    }

    fn first(outcome: Outcome) -> Verdict {
        Judge::default().judge(outcome, true, false)
    }

    #[test]
    fn no_answer_counts_for_the_endpoint() {
        for failure in [
            Failure::Dns,
            Failure::AddressNotAllowed,
            Failure::Connect,
            Failure::Tls,
            Failure::Timeout,
            Failure::Closed,
        ] {
            let verdict = first(Outcome::Failed(failure));
            assert_eq!(verdict, Verdict::Unreachable { retry_after: None });
        }
    }

    #[test]
    fn a_status_that_says_not_now_counts_for_the_endpoint() {
        for not_now in [429, 502, 503, 504] {
            let verdict = first(status(not_now));
            assert_eq!(verdict, Verdict::Unreachable { retry_after: LATER });
        }
    }

    #[test]
    fn other_statuses_count_for_the_event() {
        for refusal in [300, 301, 307, 400, 401, 404, 413, 422, 500, 501, 505, 599] {
            let verdict = first(status(refusal));
            assert_eq!(verdict, Verdict::Rejected { retry_after: LATER });
        }
    }

    #[test]
    fn an_endpoint_that_says_gone_is_gone() {
        assert_eq!(first(status(410)), Verdict::Gone);
    }

    #[test]
    fn three_server_errors_in_a_row_count_for_the_endpoint() {
        let mut judge = Judge::default();
        let rejected = Verdict::Rejected { retry_after: LATER };
        let unreachable = Verdict::Unreachable { retry_after: LATER };
        assert_eq!(judge.judge(status(500), true, false), rejected);
        // A client error is no success.
        assert_eq!(judge.judge(status(404), true, false), rejected);
        assert_eq!(judge.judge(status(500), true, false), rejected);
        let mut later = Judge::resuming(judge.errors_in_a_row());
        assert_eq!(later.judge(status(500), true, false), unreachable);
        assert_eq!(later.judge(status(500), false, true), unreachable);
        assert_eq!(
            later.judge(Outcome::Delivered, true, true),
            Verdict::Delivered
        );
        assert_eq!(later.judge(status(500), true, false), rejected);
    }

    #[test]
    fn retries_of_one_event_do_not_count_for_the_endpoint() {
        let mut judge = Judge::default();
        for is_first_try in [true, false, false, false, false] {
            let verdict = judge.judge(status(500), is_first_try, false);
            assert_eq!(verdict, Verdict::Rejected { retry_after: LATER });
        }
        let verdict = judge.judge(status(503), false, false);
        assert_eq!(verdict, Verdict::Rejected { retry_after: LATER });
        let verdict = judge.judge(Outcome::Failed(Failure::Timeout), false, false);
        assert_eq!(verdict, Verdict::Rejected { retry_after: None });
        let verdict = judge.judge(status(503), false, true);
        assert_eq!(verdict, Verdict::Unreachable { retry_after: LATER });
    }
}
