//! Refunds of a paid attempt, and their states.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use oms_validation::{IdempotencyKey, Money, OrderId, newer_word};

use crate::{AmountStep, AttemptId, Reference, RefundFailure, RefundId, UnknownState};

/// A refund of a paid attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The refund's ID, which the gateway stores with it.
    pub id: RefundId,
    /// The order whose payment is refunded.
    pub order_id: OrderId,
    /// The attempt that collected the payment.
    pub attempt_id: AttemptId,
    /// 1 for an order's first refund.
    pub number: i32,
    /// The refunded amount; never changes.
    pub amount: Money,
    /// What remains of the captured amount after this refund, as counted when it was begun; never changes.
    pub left: Money,
    /// The refund's state.
    pub state: RefundState,
    /// Who refunds the money.
    pub actor: RefundActor,
    /// Who requested it from us, named as in the order's events; `None` for old refunds and for those made elsewhere.
    pub requested_by: Option<String>,
    /// The idempotency key of its request.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The reason, in the requester's words.
    pub reason: Option<String>,
    /// The gateway's name for the refund; `None` before its answer.
    pub reference: Option<Reference>,
    /// Why it failed; only with `Failed`.
    pub failure_code: Option<RefundFailure>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether the gateway may have been asked for it.
    pub asked: Asked,
}

/// Who refunds money of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundActor {
    /// This program, on request.
    Oms,
    /// Another user of the gateway's account, for example in its dashboard.
    Gateway,
    /// The customer's bank, by a lost dispute.
    Dispute,
    /// An actor that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    RefundActor,
    "Who refunds money of a payment.",
    oms_validation::openapi::words(RefundActor::ALL.map(RefundActor::as_str))
}

/// Whether a gateway may have been asked for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Not asked yet, which only the worker that has just begun the refund knows.
    Never,
    /// Possibly: the gateway's list is read before the refund is requested again.
    Perhaps,
}

/// A refund to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// The refund's ID.
    pub id: RefundId,
    /// The order whose payment is refunded.
    pub order_id: OrderId,
    /// The amount, at least one minor unit; `None` for all that remains.
    pub amount: Option<Money>,
    /// The idempotency key of the request.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The reason: 1 to 500 characters.
    pub reason: Option<String>,
    /// Who requests it: 1 to 300 characters.
    pub requested_by: String,
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundState {
    /// Begun; the gateway has not reported its end.
    Pending,
    /// The gateway reports that the money was refunded. It may still fail, because a bank can return money weeks later.
    Refunded,
    /// The gateway reports that it failed; the money is still ours. Final.
    Failed,
    /// A state that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    RefundState,
    "The state of a refund.",
    oms_validation::openapi::words(RefundState::ALL.map(RefundState::as_str))
}

/// How a refund ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundEnd {
    /// The money was refunded.
    Refunded,
    /// The refund failed.
    Failed(RefundFailure),
}

impl Refund {
    /// Whether it refunded all that remained when it was begun, except what is too small for the gateway.
    pub const fn is_of_the_rest(&self, step: AmountStep) -> bool {
        step.is_nothing(self.left.amount_minor)
    }

    /// The gateway's name for it; our ID if the gateway has not named it.
    ///
    /// # Panics
    /// Never: the digits of an ID are a reference.
    pub fn name(&self) -> Reference {
        let own_id = || Reference::parse(&self.id.as_uuid().simple().to_string());
        let named = self.reference.clone();
        named.unwrap_or_else(|| own_id().expect("letters and digits"))
    }
}

impl RefundActor {
    /// All actors of this version.
    pub const ALL: [Self; 3] = [Self::Oms, Self::Gateway, Self::Dispute];

    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oms => "oms",
            Self::Gateway => "gateway",
            Self::Dispute => "dispute",
            Self::Other(word) => word,
        }
    }

    /// Reads the stored text, also if a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        text.parse()
            .unwrap_or_else(|_| Self::Other(newer_word(text)))
    }
}

impl fmt::Display for RefundActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RefundActor {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |actor: &Self| actor.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownState)
    }
}

impl RefundEnd {
    /// The final state.
    pub const fn state(&self) -> RefundState {
        match self {
            Self::Refunded => RefundState::Refunded,
            Self::Failed(_) => RefundState::Failed,
        }
    }

    /// Why it failed, if it did.
    pub const fn failure(&self) -> Option<&RefundFailure> {
        match self {
            Self::Refunded => None,
            Self::Failed(code) => Some(code),
        }
    }
}

impl RefundState {
    /// All states of this version.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Refunded, Self::Failed];

    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Reads the stored text, also if a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        text.parse()
            .unwrap_or_else(|_| Self::Other(newer_word(text)))
    }
}

impl fmt::Display for RefundState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RefundState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |state: &Self| state.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_parses_from_its_name_and_no_other_text_does() {
        for state in RefundState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("".parse::<RefundState>(), Err(UnknownState));
        assert_eq!("paid".parse::<RefundState>(), Err(UnknownState));
        for actor in RefundActor::ALL {
            assert_eq!(actor.as_str().parse(), Ok(actor));
        }
        assert_eq!("api".parse::<RefundActor>(), Err(UnknownState));
    }
}
