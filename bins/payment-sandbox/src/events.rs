//! Events: what Stripe reports of each change of an intent, a charge, a refund or a dispute. Decides which events a
//! change causes and what they contain; [`crate::webhooks`] delivers them.
//!
//! The object: <https://docs.stripe.com/api/events/object>, the types:
//! <https://docs.stripe.com/api/events/types>.

mod kind;

pub(crate) use kind::EventKind;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    charges::Charge,
    collection::Stored,
    disputes::Dispute,
    intents::{Intent, Status},
    ledger::Change,
    refunds::{Refund, RefundStatus},
    rendering,
};

/// One event, and its delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) created: i64,
    pub(crate) kind: EventKind,
    pub(crate) object_id: String,
    pub(crate) order_id: Option<String>,
    /// The object as it was just after the change, as JSON text.
    pub(crate) snapshot: String,
    pub(crate) origin: Origin,
    pub(crate) delivery: Delivery,
}

/// The call that caused a change; `None` if no call of Stripe's API did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// How far the delivery of an event got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) state: DeliveryState,
    pub(crate) tries: u32,
    /// The HTTP status of the last try; `None` if it got no answer.
    pub(crate) last_status: Option<u16>,
}

/// Whether an event must still be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// There was no webhook endpoint when it happened.
    Unaddressed,
    /// To be delivered, or to be tried again.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// Dropped by the fault plan.
    Dropped,
    /// No longer tried.
    GivenUp,
}

/// Something that happened in a change.
#[derive(Debug, PartialEq)]
pub(crate) struct Occurrence {
    pub(crate) kind: EventKind,
    pub(crate) object_id: String,
    pub(crate) snapshot: Value,
}

impl Delivery {
    /// A delivery that was not tried yet.
    pub(crate) fn new(state: DeliveryState) -> Self {
        Self {
            state,
            tries: 0,
            last_status: None,
        }
    }
}

impl Event {
    /// Whether it is of this type. `*`, and a type that ends in `.*`, match several, as in the `type` of
    /// <https://docs.stripe.com/api/events/list>.
    pub(crate) fn is(&self, kind: &str) -> bool {
        match kind.strip_suffix('*') {
            Some(start) => self.kind.name().starts_with(start),
            None => self.kind.name() == kind,
        }
    }
}

impl Stored for Event {
    const OBJECT: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The objects of a change as they were before it; `None` for a new one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before<'a> {
    pub(crate) intent: Option<&'a Intent>,
    pub(crate) refund: Option<&'a Refund>,
    pub(crate) dispute: Option<&'a Dispute>,
}

/// Returns what happened in a change, in order.
pub(crate) fn occurrences(objects: Before<'_>, change: &Change) -> Vec<Occurrence> {
    let before = objects.intent;
    let mut found = Vec::new();
    if let Some(dispute) = &change.dispute {
        found.extend(of_dispute(objects.dispute, dispute));
    }
    if let (Some(intent), None) = (&change.intent, before) {
        found.push(of_intent(EventKind::IntentCreated, &intent.as_created()));
    }
    match (&change.refund, &change.charge) {
        (Some(refund), _) if objects.refund.is_some() => found.extend(of_settled(refund)),
        (Some(refund), charge) => found.extend(of_refund(refund, charge.as_ref())),
        (None, Some(charge)) if change.dispute.is_none() && charge.is_new_success(before) => {
            found.push(of_charge(EventKind::ChargeSucceeded, charge));
        }
        (None, _) => {}
    }
    if let Some(intent) = &change.intent {
        found.extend(moved_to(before, intent).map(|kind| of_intent(kind, intent)));
    }
    found
}

/// The event of the status that an intent has reached.
fn moved_to(before: Option<&Intent>, intent: &Intent) -> Option<EventKind> {
    match intent.status {
        // Only a failed attempt changes an intent that waits for a payment method.
        Status::RequiresPaymentMethod => intent
            .last_error
            .is_some()
            .then_some(EventKind::IntentPaymentFailed),
        status if before.is_some_and(|before| before.status == status) => None,
        Status::RequiresConfirmation => None,
        Status::RequiresAction => Some(EventKind::IntentRequiresAction),
        Status::Processing => Some(EventKind::IntentProcessing),
        Status::RequiresCapture => Some(EventKind::IntentAmountCapturableUpdated),
        Status::Succeeded => Some(EventKind::IntentSucceeded),
        Status::Canceled => Some(EventKind::IntentCanceled),
    }
}

fn of_intent(kind: EventKind, intent: &Intent) -> Occurrence {
    Occurrence {
        kind,
        object_id: intent.id.clone(),
        snapshot: rendering::intent(intent),
    }
}

fn of_charge(kind: EventKind, charge: &Charge) -> Occurrence {
    Occurrence {
        kind,
        object_id: charge.id.clone(),
        snapshot: rendering::charge(charge),
    }
}

fn of_refund(refund: &Refund, charge: Option<&Charge>) -> Vec<Occurrence> {
    let created = Occurrence {
        kind: EventKind::RefundCreated,
        object_id: refund.id.clone(),
        snapshot: rendering::refund(refund),
    };
    let refunded = charge.map(|charge| of_charge(EventKind::ChargeRefunded, charge));
    std::iter::once(created).chain(refunded).collect()
}

/// The events of a refund that changes after it was made: <https://docs.stripe.com/refunds#failed-refunds>.
fn of_settled(refund: &Refund) -> Vec<Occurrence> {
    let failed = (refund.status == RefundStatus::Failed).then_some(EventKind::RefundFailed);
    let kinds = failed
        .into_iter()
        .chain([EventKind::RefundUpdated, EventKind::ChargeRefundUpdated]);
    let occurrence = |kind| Occurrence {
        kind,
        object_id: refund.id.clone(),
        snapshot: rendering::refund(refund),
    };
    kinds.map(occurrence).collect()
}

/// The events of a dispute: <https://docs.stripe.com/disputes/responding>.
fn of_dispute(before: Option<&Dispute>, dispute: &Dispute) -> Vec<Occurrence> {
    let change = match before {
        None => EventKind::DisputeCreated,
        Some(_) if dispute.status.is_closed() => EventKind::DisputeClosed,
        Some(_) => EventKind::DisputeUpdated,
    };
    let withheld = before.is_some_and(|before| before.status.withholds());
    let funds = match (withheld, dispute.status.withholds()) {
        (false, true) => Some(EventKind::DisputeFundsWithdrawn),
        (true, false) => Some(EventKind::DisputeFundsReinstated),
        (false, false) | (true, true) => None,
    };
    let occurrence = |kind| Occurrence {
        kind,
        object_id: dispute.id.clone(),
        snapshot: rendering::dispute(dispute),
    };
    std::iter::once(change)
        .chain(funds)
        .map(occurrence)
        .collect()
}

#[cfg(test)]
mod tests;
