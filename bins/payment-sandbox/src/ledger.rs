//! All intents, charges, refunds and disputes, and the effects of commands on them. Execution only describes an effect
//! as a [`Change`]. Nothing is altered until that description is in the journal and [`Ledger::apply`] is called with
//! it.

mod aftermath;
mod defects;
mod queries;

pub(crate) use defects::StrayCharge;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    answer::Answer,
    api_error::ApiError,
    cards::{Decline, PaymentMethod},
    charges::{Charge, NewId},
    collection::{Collection, Stored},
    disputes::Dispute,
    events::{self, Before, Delivery, DeliveryState, Event, Origin},
    idempotency::{Expired, KeyRecord},
    intents::{Intent, Moved, Settlement},
    refunds::{self, Refund, RefundOrder},
    rendering,
    requests::{Command, Confirmation, CreateIntent, MethodChoice, RefundOf},
};

/// Objects as they are after one command. The journal has one line per change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Intent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) charge: Option<Charge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refund: Option<Refund>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dispute: Option<Dispute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expired: Option<Expired>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivered: Option<Delivered>,
}

/// The delivery state of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivered {
    pub(crate) event_id: String,
    pub(crate) delivery: Delivery,
}

/// The effect of a command, and its answer.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) answer: Answer,
    pub(crate) change: Change,
}

impl From<ApiError> for Executed {
    fn from(error: ApiError) -> Self {
        Self {
            answer: error.answer(),
            change: Change::default(),
        }
    }
}

/// Number of events that are kept. Older ones are kept only while they must be delivered. Stripe keeps events for 30
/// days: <https://docs.stripe.com/api/events>.
const EVENTS_KEPT: usize = 10_000;

/// Everything that was ever paid here.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) intents: Collection<Intent>,
    pub(crate) charges: Collection<Charge>,
    pub(crate) refunds: Collection<Refund>,
    pub(crate) disputes: Collection<Dispute>,
    pub(crate) events: Collection<Event>,
    by_order: HashMap<String, Vec<String>>,
}

impl Ledger {
    /// Computes the effect of a command. `forced` declines any payment that it attempts.
    pub(crate) fn execute(
        &self,
        command: &Command,
        forced: Option<&Decline>,
        now: i64,
    ) -> Executed {
        let executed = match command {
            Command::Create(create) => self.create(create, forced, now),
            Command::Confirm { id, confirmation } => self.confirm(id, confirmation, forced, now),
            Command::Cancel { id, reason } => self.on_intent(id, |intent, charge| {
                intent.cancel(reason.clone(), charge, now)
            }),
            Command::Capture { id, amount } => {
                self.on_intent(id, |intent, charge| intent.capture(*amount, charge))
            }
            Command::Refund { of, order } => self.refund(of, order, now),
        };
        executed.unwrap_or_else(Executed::from)
    }

    /// Computes how a waiting payment ends.
    pub(crate) fn settle(&self, id: &str, outcome: Settlement, now: i64) -> Executed {
        let new = new_id("ch", &self.charges, now);
        let settled = self.on_intent(id, |intent, charge| intent.settle(outcome, charge, &new));
        let executed = settled.unwrap_or_else(Executed::from);
        match &executed.change.intent {
            // A failed settlement is what was requested, not an error of the request.
            Some(intent) => Executed {
                answer: Answer::ok(&rendering::intent(intent)),
                ..executed
            },
            None => executed,
        }
    }

    /// Applies a change to the ledger.
    pub(crate) fn apply(&mut self, change: Change) {
        if let Some(intent) = change.intent {
            if let Some(order_id) = intent.order_id()
                && self.intents.find(&intent.id).is_none()
            {
                self.by_order
                    .entry(order_id.to_owned())
                    .or_default()
                    .push(intent.id.clone());
            }
            self.intents.put(intent);
        }
        if let Some(charge) = change.charge {
            self.charges.put(charge);
        }
        if let Some(refund) = change.refund {
            self.refunds.put(refund);
        }
        if let Some(dispute) = change.dispute {
            self.disputes.put(dispute);
        }
        for event in change.events {
            self.events.put(event);
        }
        if let Some(Delivered { event_id, delivery }) = change.delivered
            && let Some(event) = self.events.find_mut(&event_id)
        {
            event.delivery = delivery;
        }
        self.events.keep_newest(EVENTS_KEPT, |event| {
            event.delivery.state != DeliveryState::Pending
        });
    }

    /// Returns the events that a change causes, all with this delivery state.
    pub(crate) fn events_of(
        &self,
        change: &Change,
        origin: &Origin,
        state: DeliveryState,
        now: i64,
    ) -> Vec<Event> {
        let of_charge = change.charge.as_ref().map(|charge| &charge.intent_id);
        let of_dispute = change.dispute.as_ref().map(|dispute| &dispute.intent_id);
        let intent_id = change
            .intent
            .as_ref()
            .map(|intent| &intent.id)
            .or(of_charge)
            .or(of_dispute);
        let of_refund = change.refund.as_ref().map(|refund| &refund.id);
        let dispute_id = change.dispute.as_ref().map(|dispute| &dispute.id);
        let before = Before {
            intent: intent_id.and_then(|id| self.intents.find(id)),
            refund: of_refund.and_then(|id| self.refunds.find(id)),
            dispute: dispute_id.and_then(|id| self.disputes.find(id)),
        };
        let order_id = before
            .intent
            .or(change.intent.as_ref())
            .and_then(|intent| intent.order_id());
        let found = events::occurrences(before, change);
        (self.events.next_seq()..)
            .zip(found)
            .map(|(seq, occurrence)| Event {
                id: format!("evt_{}", Uuid::new_v4().simple()),
                seq,
                created: now,
                kind: occurrence.kind,
                object_id: occurrence.object_id,
                order_id: order_id.map(str::to_owned),
                snapshot: occurrence.snapshot.to_string(),
                origin: origin.clone(),
                delivery: Delivery::new(state),
            })
            .collect()
    }

    /// Returns the intents whose metadata names this order, oldest first.
    pub(crate) fn intents_of_order(&self, order_id: &str) -> impl Iterator<Item = &Intent> {
        let ids = self
            .by_order
            .get(order_id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        ids.iter().filter_map(|id| self.intents.find(id))
    }

    /// Returns the whole ledger as the shortest list of changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change> {
        let intents = self.intents.iter().cloned();
        let charges = self.charges.iter().cloned();
        let refunds = self.refunds.iter().cloned();
        let disputes = self.disputes.iter().cloned();
        let events = self.events.iter().cloned();
        intents
            .map(|intent| Change {
                intent: Some(intent),
                ..Change::default()
            })
            .chain(charges.map(|charge| Change {
                charge: Some(charge),
                ..Change::default()
            }))
            .chain(refunds.map(|refund| Change {
                refund: Some(refund),
                ..Change::default()
            }))
            .chain(disputes.map(|dispute| Change {
                dispute: Some(dispute),
                ..Change::default()
            }))
            .chain(events.map(|event| Change {
                events: vec![event],
                ..Change::default()
            }))
    }

    fn create(
        &self,
        create: &CreateIntent,
        forced: Option<&Decline>,
        now: i64,
    ) -> Result<Executed, ApiError> {
        let (method, refused) = match &create.method {
            None => (None, None),
            Some(MethodChoice::Known(method)) => (Some(method.clone()), None),
            Some(MethodChoice::Refused(decline)) => (None, Some(decline)),
            Some(MethodChoice::Id(id)) => return Err(no_such_method(id)),
        };
        if let (Some(decline), None) = (refused, create.confirm) {
            return Err(ApiError::card(decline));
        }
        let new = new_id("pi", &self.intents, now);
        let draft = create.draft.clone();
        let intent = Intent::new(new, create.amount, &create.currency, method, draft);
        let moved = match (create.confirm, refused) {
            (None, _) => Moved {
                intent,
                charge: None,
                declined: None,
            },
            (Some(_), Some(decline)) => intent.refuse_card(decline)?,
            (Some(session), None) => {
                let new = new_id("ch", &self.charges, now);
                let page = &create.page;
                let intent = intent.returning_to(page.return_url.as_deref(), &page.origin)?;
                intent.confirm(None, session, forced, &new)?
            }
        };
        Ok(executed(moved))
    }

    fn confirm(
        &self,
        id: &str,
        confirmation: &Confirmation,
        forced: Option<&Decline>,
        now: i64,
    ) -> Result<Executed, ApiError> {
        let intent = self.intents.get(id)?;
        let method: Option<PaymentMethod> = match &confirmation.method {
            None => None,
            Some(MethodChoice::Known(method)) => Some(method.clone()),
            Some(MethodChoice::Refused(decline)) => {
                return self.on_intent(id, |intent, _| intent.refuse_card(decline));
            }
            Some(MethodChoice::Id(id)) => {
                let attached = intent.method.clone().filter(|method| method.id == *id);
                Some(attached.ok_or_else(|| no_such_method(id))?)
            }
        };
        let new = new_id("ch", &self.charges, now);
        let (session, page) = (confirmation.session, &confirmation.page);
        self.on_intent(id, |intent, _| {
            let intent = intent.returning_to(page.return_url.as_deref(), &page.origin)?;
            intent.confirm(method, session, forced, &new)
        })
    }

    fn refund(&self, of: &RefundOf, order: &RefundOrder, now: i64) -> Result<Executed, ApiError> {
        let charge = match of {
            RefundOf::Charge(id) => self
                .charges
                .find(id)
                .ok_or_else(|| ApiError::no_such_param("charge", id, "charge"))?,
            RefundOf::Intent(id) => {
                let intent = self.intents.find(id).ok_or_else(|| {
                    ApiError::no_such_param("payment_intent", id, "payment_intent")
                })?;
                let latest = intent
                    .latest_charge
                    .as_deref()
                    .and_then(|id| self.charges.find(id));
                latest
                    .filter(|charge| charge.is_captured())
                    .ok_or_else(|| {
                        ApiError::unexpected_state(format!(
                            "This PaymentIntent ({id}) does not have a successful charge to refund."
                        ))
                        .with_payment(None, rendering::intent(intent))
                    })?
            }
        };
        self.refuse_disputed(charge)?;
        let new = new_id("re", &self.refunds, now);
        let (charge, refund) = refunds::refund(charge, order, &new)?;
        Ok(Executed {
            answer: Answer::ok(&rendering::refund(&refund)),
            change: Change {
                charge: Some(charge),
                refund: Some(refund),
                ..Change::default()
            },
        })
    }

    /// Runs a step of the state machine on an intent and its latest charge.
    fn on_intent(
        &self,
        id: &str,
        step: impl FnOnce(&Intent, Option<&Charge>) -> Result<Moved, ApiError>,
    ) -> Result<Executed, ApiError> {
        let intent = self.intents.get(id)?;
        let charge = intent
            .latest_charge
            .as_deref()
            .and_then(|id| self.charges.find(id));
        step(intent, charge)
            .map(executed)
            .map_err(|error| error.with_payment(None, rendering::intent(intent)))
    }
}

fn executed(moved: Moved) -> Executed {
    let document = rendering::intent(&moved.intent);
    let answer = match &moved.declined {
        None => Answer::ok(&document),
        Some(decline) => {
            let charge = moved.charge.as_ref().map(|charge| charge.id.as_str());
            ApiError::card(decline)
                .with_payment(charge, document)
                .answer()
        }
    };
    let change = Change {
        intent: Some(moved.intent),
        charge: moved.charge,
        ..Change::default()
    };
    Executed { answer, change }
}

fn no_such_method(id: &str) -> ApiError {
    ApiError::no_such_param("PaymentMethod", id, "payment_method")
}

fn new_id<T: Stored>(prefix: &str, among: &Collection<T>, now: i64) -> NewId {
    let id = format!("{prefix}_{}", Uuid::new_v4().simple());
    NewId {
        id,
        seq: among.next_seq(),
        now,
    }
}
