//! Whether an endpoint can be reached, and what follows from that.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::webhooks::endpoint::ClaimedEndpoint;
use crate::domain::webhooks::outcome::{Judge, Outcome, Verdict};
use crate::domain::webhooks::reporting::{
    GONE, Report, UNREACHABLE, is_hopeless, is_to_be_reported,
};
use crate::domain::webhooks::schedule::probe_delay;

/// Whether an endpoint can be reached.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    failing_since: Option<DateTime<Utc>>,
    failures: i32,
    reported_at: Option<DateTime<Utc>>,
    judge: Judge,
    disabled: Option<&'static str>,
    /// The delay until the next probe. Once there is one, nothing more is sent.
    probe_in: Option<Duration>,
}

impl Health {
    /// The stored health of an endpoint.
    pub(crate) fn of(claimed: &ClaimedEndpoint) -> Self {
        Self {
            failing_since: claimed.endpoint.failing_since,
            failures: claimed.endpoint.failures,
            reported_at: claimed.reported_at,
            judge: Judge::resuming(claimed.errors_in_a_row),
            disabled: None,
            probe_in: None,
        }
    }

    /// Takes the outcome of a try. Returns what it means, and what is to be reported. `random` is uniform in `[0, 1)`.
    pub(crate) fn judge(
        &mut self,
        outcome: Outcome,
        is_first_try: bool,
        now: DateTime<Utc>,
        random: f64,
    ) -> (Verdict, Option<Report>) {
        let is_failing = self.failing_since.is_some();
        let verdict = self.judge.judge(outcome, is_first_try, is_failing);
        // What else was in flight when the endpoint failed changes nothing any more.
        let report = match verdict {
            _ if self.probe_in.is_some() => None,
            Verdict::Delivered | Verdict::Rejected { .. } => self.reached(now),
            Verdict::Gone => {
                self.probe_in = Some(Duration::ZERO);
                Some(self.disable(GONE))
            }
            Verdict::Unreachable { retry_after } => self.unreachable(retry_after, now, random),
        };
        (verdict, report)
    }

    fn reached(&mut self, now: DateTime<Utc>) -> Option<Report> {
        let since = self.failing_since.take();
        let was_reported = self.reported_at.take().is_some();
        self.failures = 0;
        let since = since.filter(|_| was_reported)?;
        Some(Report::Recovered(now - since))
    }

    fn unreachable(
        &mut self,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        random: f64,
    ) -> Option<Report> {
        let since = *self.failing_since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        let delay = probe_delay(self.failures.unsigned_abs(), retry_after, random);
        self.probe_in = Some(delay);
        if is_hopeless(now - since, self.failures) {
            return Some(self.disable(UNREACHABLE));
        }
        if self.reported_at.is_some() || !is_to_be_reported(now - since) {
            return None;
        }
        self.reported_at = Some(now);
        Some(Report::Failing {
            since,
            failures: self.failures,
        })
    }

    fn disable(&mut self, reason: &'static str) -> Report {
        self.disabled = Some(reason);
        Report::Disabled(reason)
    }

    /// Whether more may be sent now.
    pub(crate) fn may_send(&self) -> bool {
        self.probe_in.is_none()
    }

    /// The number of the probe that is due, from 1. `None` while the endpoint can be reached.
    pub(crate) fn probe(&self) -> Option<usize> {
        self.failing_since?;
        Some(usize::try_from(self.failures).unwrap_or(1).max(1))
    }

    /// The delay until the next probe, if the endpoint could not be reached.
    pub(crate) fn probe_in(&self) -> Option<Duration> {
        self.probe_in
    }

    /// Why the endpoint is to be disabled.
    pub(crate) fn disabled(&self) -> Option<&'static str> {
        self.disabled
    }

    /// Since when nothing reaches the endpoint.
    pub(crate) fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.failing_since
    }

    /// How many tries failed since then.
    pub(crate) fn failures(&self) -> i32 {
        self.failures
    }

    /// When it was reported that nothing reaches the endpoint.
    pub(crate) fn reported_at(&self) -> Option<DateTime<Utc>> {
        self.reported_at
    }

    /// How many events were answered with server errors, without a success between them.
    pub(crate) fn errors_in_a_row(&self) -> i32 {
        self.judge.errors_in_a_row()
    }
}
