//! The gateway's side of webhooks: which events go into the outbox, what the courier gets, and
//! what the journal keeps of each try.

use tokio::time::Instant;

use super::{Books, Gateway, Reply};
use crate::{
    events::{Delivery, DeliveryState, Origin},
    faults::{WebhookAction, WebhookFacts},
    ledger::{Change, Delivered},
    rendering,
    webhooks::{Next, Signing, Try, WebhookEndpoint},
};

/// What the courier is to do.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Send this.
    Send(Box<Parcel>),
    /// Ask again at this time, or when there is news.
    WaitUntil(Instant),
    /// Ask again when there is news.
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

/// An event that goes into the outbox: its place, its id and its fault.
pub(super) type Outgoing = (u64, String, Option<WebhookAction>);

impl Gateway {
    /// What is to be delivered next.
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

    /// How a try ended: with this status, or with no answer.
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
            // If it cannot be written, that was said, and it may be delivered again.
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

    /// Waits until the events that have to arrive before this reply have been tried.
    pub(crate) async fn early_webhooks(&self, reply: &Reply) {
        if reply.events.is_empty() {
            return;
        }
        let mut tries = self.tries.subscribe();
        // The lock is let go before the wait, and is never taken while the watch is held.
        while self.has_early(&reply.events) {
            let changed = tries.changed().await;
            changed.expect("the sender lives in self, which is borrowed here");
        }
    }

    fn has_early(&self, seqs: &[u64]) -> bool {
        self.books().outbox.has_early(seqs)
    }

    /// Has calls that wait for a try look again.
    pub(super) fn recount_tries(&self) {
        self.tries.send_modify(|tries| *tries += 1);
    }
}

impl Books {
    /// Adds to a change the events that it causes; the fault of each of them.
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

    /// What a change puts into the outbox.
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

    /// Puts back what had not been delivered when the process ended.
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
