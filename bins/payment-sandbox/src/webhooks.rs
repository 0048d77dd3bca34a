//! Webhooks: which events go where and when. The outbox is pure: it decides what to send next and what happens to an
//! event after a try; [`courier`] sends.
//!
//! First tries go out in the order in which the events happened, one at a time. A failed event is tried again later and
//! does not delay the others. So order is not guaranteed, as with Stripe:
//! <https://docs.stripe.com/webhooks#event-ordering>.

pub(crate) mod courier;
mod endpoint;
mod signature;

pub(crate) use endpoint::{EndpointDraft, WebhookEndpoint, WebhookOptions};
pub(crate) use signature::Signing;

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};

use crate::{events::DeliveryState, faults::WebhookAction};

/// The events to be delivered, by sequence number.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) endpoint: Option<WebhookEndpoint>,
    waiting: BTreeMap<u64, Waiting>,
    /// The number of tries since the process started.
    pub(crate) sent: u64,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the event with this sequence number.
    Send { seq: u64, signing: Signing },
    /// Nothing before this time.
    At(Instant),
    /// Nothing, until something happens.
    Nothing,
}

#[derive(Debug)]
struct Waiting {
    event_id: String,
    due: Due,
    signing: Signing,
    /// The number of additional deliveries after the first.
    further: u32,
    /// Whether the call that caused it is answered only after the first try.
    early: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    At(Instant),
    /// When the fault plan is deleted.
    Released,
    /// After an event that happened later.
    AfterNext,
}

/// The result of a try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    /// The number of tries, including this one.
    pub(crate) tries: u32,
    /// The endpoint's HTTP status.
    pub(crate) status: Option<u16>,
}

impl Try {
    fn accepted(self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

impl Outbox {
    /// Puts an event into the outbox, with its fault, if it has one.
    pub(crate) fn put(
        &mut self,
        seq: u64,
        event_id: &str,
        fault: Option<WebhookAction>,
        now: Instant,
    ) {
        let mut waiting = Waiting {
            event_id: event_id.to_owned(),
            due: Due::Now,
            signing: Signing::Valid,
            further: 0,
            early: false,
        };
        match fault {
            None => {}
            Some(WebhookAction::Drop) => return,
            Some(WebhookAction::Duplicate { times }) => waiting.further = times,
            Some(WebhookAction::Delay { ms }) => {
                waiting.due = Due::At(now + Duration::from_millis(ms));
            }
            Some(WebhookAction::Hold) => waiting.due = Due::Released,
            Some(WebhookAction::Reorder) => waiting.due = Due::AfterNext,
            Some(WebhookAction::Early) => waiting.early = true,
            Some(WebhookAction::Forge) => waiting.signing = Signing::Wrong,
            Some(WebhookAction::Stale) => waiting.signing = Signing::Stale,
        }
        self.waiting.insert(seq, waiting);
    }

    /// Returns what to send now: first what a call waits for, then what happened first.
    pub(crate) fn next(&self, now: Instant) -> Next {
        if self.endpoint.is_none() {
            return Next::Nothing;
        }
        let due = || {
            self.waiting
                .iter()
                .filter(|(_, waiting)| waiting.is_due(now))
        };
        if let Some((&seq, waiting)) = due().find(|(_, waiting)| waiting.early).or(due().next()) {
            let signing = waiting.signing;
            return Next::Send { seq, signing };
        }
        let times = self
            .waiting
            .values()
            .filter_map(|waiting| match waiting.due {
                Due::At(time) => Some(time),
                Due::Now | Due::Released | Due::AfterNext => None,
            });
        times.min().map_or(Next::Nothing, Next::At)
    }

    /// Returns what happens to an event after a try; `None` if it is no longer in the outbox.
    pub(crate) fn tried(
        &mut self,
        seq: u64,
        event_id: &str,
        ended: Try,
        now: Instant,
    ) -> Option<DeliveryState> {
        self.sent += 1;
        let backoff = self.endpoint.as_ref().map(|to| to.backoff(ended.tries));
        for earlier in self.waiting.range_mut(..seq).map(|(_, earlier)| earlier) {
            if earlier.due == Due::AfterNext {
                earlier.due = Due::Now;
            }
        }
        let waiting = self.waiting.get_mut(&seq)?;
        if waiting.event_id != event_id {
            return None;
        }
        waiting.early = false;
        let state = match (ended.accepted(), waiting.signing, backoff.flatten()) {
            (true, Signing::Valid, _) if waiting.further > 0 => {
                waiting.further -= 1;
                DeliveryState::Pending
            }
            (true, ..) => DeliveryState::Delivered,
            // A rejected forgery is not repeated, because its sender gains nothing by it.
            (false, Signing::Wrong | Signing::Stale, _) | (false, _, None) => {
                DeliveryState::GivenUp
            }
            (false, Signing::Valid, Some(pause)) => {
                waiting.due = Due::At(now + pause);
                DeliveryState::Pending
            }
        };
        if state != DeliveryState::Pending {
            self.waiting.remove(&seq);
        }
        Some(state)
    }

    /// Removes an event without delivering it.
    pub(crate) fn remove(&mut self, seq: u64) {
        self.waiting.remove(&seq);
    }

    /// Releases events that are held or wait for a later event.
    pub(crate) fn release(&mut self) {
        for waiting in self.waiting.values_mut() {
            if matches!(waiting.due, Due::Released | Due::AfterNext) {
                waiting.due = Due::Now;
            }
        }
    }

    /// Whether one of these events must be tried before its call is answered.
    pub(crate) fn has_early(&self, seqs: &[u64]) -> bool {
        let early = |seq| self.waiting.get(seq).is_some_and(|waiting| waiting.early);
        self.endpoint.is_some() && seqs.iter().any(early)
    }
}

impl Waiting {
    fn is_due(&self, now: Instant) -> bool {
        match self.due {
            Due::Now => true,
            Due::At(time) => time <= now,
            Due::Released | Due::AfterNext => false,
        }
    }
}

#[cfg(test)]
mod tests;
