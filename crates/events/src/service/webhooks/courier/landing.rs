//! Takes the outcomes of tries.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Courier;
use super::job::{Job, Rejection, Tried, Why};
use crate::domain::webhooks::attempt::{Attempt, AttemptId, AttemptOutcome, AttemptTrigger};
use crate::domain::webhooks::outcome::Verdict;
use crate::domain::webhooks::schedule::retry_delay;

impl Courier<'_> {
    /// Takes the outcome of a try.
    pub(super) fn landed(&mut self, tried: &Tried) {
        let Tried { job, sent, .. } = tried;
        self.unsaved += 1;
        let outcome = AttemptOutcome::from(sent.outcome);
        self.context
            .count_attempt(outcome == AttemptOutcome::Delivered);
        self.note(tried, outcome);
        let now = self.time.now();
        let is_first_try = !matches!(job.why, Why::Again(_));
        let (verdict, report) = self
            .health
            .judge(sent.outcome, is_first_try, now, rand::random());
        if let Some(report) = report {
            self.records.push(report.record(&self.endpoint));
        }
        if job.why == Why::Replay {
            self.replayed(job.position, verdict);
            return;
        }
        let tries_before = match job.why {
            Why::Again(tries) => Some(tries),
            Why::First | Why::Replay => None,
        };
        let is_stored = tries_before.is_some();
        match verdict {
            Verdict::Delivered if is_stored => self.received(job.position),
            Verdict::Delivered => {
                self.events.remove(&job.position);
                self.window.delivered(job.position);
            }
            Verdict::Rejected { retry_after } => {
                let tries = tries_before.unwrap_or_default().saturating_add(1);
                let delay = retry_delay(tries.unsigned_abs(), retry_after, rand::random());
                let next = delay.map(|delay| now + delay);
                self.rejected(*job, outcome, sent.status, next);
            }
            Verdict::Gone | Verdict::Unreachable { .. } if is_stored => {
                self.pending.not_sent(job.position);
            }
            Verdict::Gone | Verdict::Unreachable { .. } => self.window.not_sent(job.position),
        }
    }

    fn replayed(&mut self, position: i64, verdict: Verdict) {
        let Some(replaying) = &mut self.replaying else {
            return;
        };
        match verdict {
            Verdict::Delivered => replaying.sent(position, true),
            Verdict::Rejected { .. } => replaying.sent(position, false),
            Verdict::Gone | Verdict::Unreachable { .. } => replaying.not_sent(position),
        }
    }

    fn note(&mut self, tried: &Tried, outcome: AttemptOutcome) {
        let Tried {
            job,
            started_at,
            sent,
        } = tried;
        let event = match job.why {
            Why::First | Why::Again(_) => self.events.get(&job.position),
            Why::Replay => self
                .replaying
                .as_ref()
                .and_then(|it| it.event(job.position)),
        };
        let Some(event) = event else {
            return;
        };
        self.attempts.push(Attempt {
            id: AttemptId::generate(),
            event_id: event.key.to_string(),
            event_type: event.event_type.clone(),
            trigger: match job.why {
                Why::First => AttemptTrigger::First,
                Why::Again(_) => AttemptTrigger::Retry,
                Why::Replay => AttemptTrigger::Replay,
            },
            started_at: *started_at,
            duration: sent.duration,
            outcome,
            http_status: sent.status,
            answer_start: sent.answer.clone(),
        });
    }

    /// A stored delivery was received.
    pub(super) fn received(&mut self, position: i64) {
        self.events.remove(&position);
        let freed = self.pending.delivered(position, self.time.now());
        self.unblock(freed);
    }

    fn rejected(
        &mut self,
        job: Job,
        outcome: AttemptOutcome,
        status: Option<u16>,
        next: Option<DateTime<Utc>>,
    ) {
        let now = self.time.now();
        if matches!(job.why, Why::Again(_)) {
            self.events.remove(&job.position);
            let freed = self
                .pending
                .rejected(job.position, outcome, status, next, now);
            self.unblock(freed);
            return;
        }
        let next = next.unwrap_or(now);
        let rejection = Rejection {
            outcome,
            status,
            next,
        };
        self.rejections.insert(job.position, rejection);
        self.window.rejected(job.position);
    }

    fn unblock(&mut self, subject: Option<Uuid>) {
        if let Some(subject) = subject {
            self.window.unblock(subject);
        }
    }
}
