//! The gateway's side of webhooks: which events enter the outbox, what the courier delivers, and what the journal
//! records of each try.

use tokio::time::Instant;

use super::{Books, Gateway, Reply};
use crate::{
    events::{Delivery, DeliveryState, Origin},
    faults::{WebhookAction, WebhookFacts},
    ledger::{Change, Delivered},
    rendering,
    webhooks::{Next, Signing, Try, WebhookEndpoint},
};

/// What the courier must do next.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Send this delivery.
    Send(Box<Parcel>),
    /// Ask again at this time, or when notified.
    WaitUntil(Instant),
    /// Ask again when notified.
    Wait,
}

/// One try of one delivery.
#[derive(Debug)]
pub(crate) struct Parcel {
    seq: u64,
    event_id: String,
    tries: u32,
    pub(crate) to: WebhookEndpoint,
    pub(crate) signing: Signing,
    pub(crate) body: String,
}

/// An event for the outbox: its sequence number, its ID and its fault.
pub(super) type Outgoing = (u64, String, Option<WebhookAction>);

impl Gateway {
    /// Returns what to deliver next.
    pub(crate) fn next_webhook(&self, now: Instant) -> Errand {
        let mut books = self.books();
        loop {
            match books.outbox.next(now) {
                Next::Nothing => return Errand::Wait,
                Next::At(time) => return Errand::WaitUntil(time),
                Next::Send { seq, signing } => match books.parcel(seq, signing) {
                    Some(parcel) => return Errand::Send(Box::new(parcel)),
                    None => books.outbox.remove(seq),
                },
            }
        }
    }

    /// Records the result of a try: a status, or `None` for no answer.
    pub(crate) fn webhook_tried(&self, parcel: &Parcel, status: Option<u16>, now: Instant) {
        let mut books = self.books();
        let ended = Try {
            tries: parcel.tries + 1,
            status,
        };
        let state = books.outbox.tried(parcel.seq, &parcel.event_id, ended, now);
        if let Some(state) = state {
            let delivery = Delivery {
                state,
                tries: ended.tries,
                last_status: status,
            };
            let delivered = Some(Delivered {
                event_id: parcel.event_id.clone(),
                delivery,
            });
            // A failure to write is logged, and the event may be delivered again.
            let _ = books.record(Change {
                delivered,
                ..Change::default()
            });
        }
        drop(books);
        self.recount_tries();
    }

    /// Waits until there may be something to deliver.
    pub(crate) async fn webhook_news(&self) {
        self.news.notified().await;
    }

    /// Waits until the events that must arrive before this reply have been tried.
    pub(crate) async fn early_webhooks(&self, reply: &Reply) {
        if reply.events.is_empty() {
            return;
        }
        let mut tries = self.tries.subscribe();
        // The lock is released before waiting, and is never acquired while the watch is borrowed.
        while self.has_early(&reply.events) {
            let changed = tries.changed().await;
            changed.expect("the sender lives in self, which is borrowed here");
        }
    }

    fn has_early(&self, seqs: &[u64]) -> bool {
        self.books().outbox.has_early(seqs)
    }

    /// Wakes calls that wait for a try.
    pub(super) fn recount_tries(&self) {
        self.tries.send_modify(|tries| *tries += 1);
    }
}

impl Books {
    /// Adds to a change the events that it causes; returns the fault of each.
    pub(super) fn add_events(
        &mut self,
        change: &mut Change,
        origin: &Origin,
        now: i64,
    ) -> Vec<Option<WebhookAction>> {
        let state = match self.outbox.endpoint {
            Some(_) => DeliveryState::Pending,
            None => DeliveryState::Unaddressed,
        };
        change.events = self.ledger.events_of(change, origin, state, now);
        let mut faults = Vec::new();
        for event in &mut change.events {
            let facts = WebhookFacts {
                kind: event.kind,
                order_id: event.order_id.as_deref(),
            };
            let fault = match self.outbox.endpoint {
                Some(_) => self.plan.take_webhook(facts),
                None => None,
            };
            if fault == Some(WebhookAction::Drop) {
                event.delivery.state = DeliveryState::Dropped;
            }
            faults.push(fault);
        }
        faults
    }

    /// Returns what a change puts into the outbox.
    pub(super) fn outgoing(
        &self,
        change: &Change,
        faults: Vec<Option<WebhookAction>>,
    ) -> Vec<Outgoing> {
        let pending = change
            .events
            .iter()
            .zip(faults)
            .filter(|(event, _)| event.delivery.state == DeliveryState::Pending);
        pending
            .map(|(event, fault)| (event.seq, event.id.clone(), fault))
            .collect()
    }

    /// Puts events into the outbox.
    pub(super) fn put_all(&mut self, outgoing: Vec<Outgoing>) {
        let now = Instant::now();
        for (seq, event_id, fault) in outgoing {
            self.outbox.put(seq, &event_id, fault, now);
        }
    }

    /// Puts back events that were undelivered when the process ended.
    pub(super) fn put_undelivered(&mut self) {
        let pending = self.ledger.events.iter();
        let pending = pending.filter(|event| event.delivery.state == DeliveryState::Pending);
        let outgoing = pending.map(|event| (event.seq, event.id.clone(), None));
        let outgoing = outgoing.collect();
        self.put_all(outgoing);
    }

    fn parcel(&self, seq: u64, signing: Signing) -> Option<Parcel> {
        let event = self.ledger.events.at(seq)?;
        Some(Parcel {
            seq,
            event_id: event.id.clone(),
            tries: event.delivery.tries,
            to: self.outbox.endpoint.clone()?,
            signing,
            body: rendering::event(event).to_string(),
        })
    }
}
