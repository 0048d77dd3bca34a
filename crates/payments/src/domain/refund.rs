//! Giving money of a paid attempt back, and the states that this goes through.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use oms_validation::{IdempotencyKey, Money, OrderId, newer_word};

use crate::{AttemptId, Reference, RefundFailure, RefundId, UnknownState};

/// Money of a paid attempt that is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The refund's own id, which the gateway keeps with it.
    pub id: RefundId,
    /// The order whose payment is given back.
    pub order_id: OrderId,
    /// The attempt by which it was collected.
    pub attempt_id: AttemptId,
    /// 1 for an order's first refund.
    pub number: i32,
    /// What is given back; never changes.
    pub amount: Money,
    /// What is left of the captured amount once this refund is done, as it was when this one was begun; never changes.
    pub left: Money,
    /// How far it is.
    pub state: RefundState,
    /// Who gives the money back.
    pub actor: RefundActor,
    /// Who requested it from us, as events name the actor; unknown of old ones, and none of those made elsewhere.
    pub requested_by: Option<String>,
    /// The key by which its request may be repeated.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Why, in the words of whoever asked for it.
    pub reason: Option<String>,
    /// The gateway's name for the refund; none before its answer.
    pub reference: Option<Reference>,
    /// Why it failed; only of `Failed`.
    pub failure_code: Option<RefundFailure>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether the gateway may have heard of it.
    pub asked: Asked,
}

/// Who gives money of a payment back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundActor {
    /// This program, because it was asked to.
    Oms,
    /// Somebody else who uses the gateway's account, in its dashboard say.
    Gateway,
    /// The customer's bank, by a dispute that was lost.
    Dispute,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    RefundActor,
    "Who gives money of a payment back.",
    oms_validation::openapi::words(RefundActor::ALL.map(RefundActor::as_str))
}

/// Whether a gateway may have been asked for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Only of a refund in the hands of whoever has just begun it.
    Never,
    /// Somebody may have asked; the gateway's own list is looked at before it is asked again.
    Perhaps,
}

/// A refund that is to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// The refund's own id.
    pub id: RefundId,
    /// The order whose payment is given back.
    pub order_id: OrderId,
    /// How much, at least one minor unit; none for all that is left.
    pub amount: Option<Money>,
    /// The key by which the request may be repeated.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Why: 1 to 500 characters.
    pub reason: Option<String>,
    /// Who requests it: 1 to 300 characters.
    pub requested_by: String,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundState {
    /// Begun; the gateway has not said that it ended.
    Pending,
    /// The gateway says that the money was given back. It may yet fail: a bank can send money back weeks later.
    Refunded,
    /// The gateway says that it was not; the money is still ours. Final.
    Failed,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    RefundState,
    "How far a refund is.",
    oms_validation::openapi::words(RefundState::ALL.map(RefundState::as_str))
}

/// How a refund ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundEnd {
    /// The money was given back.
    Refunded,
    /// It was not.
    Failed(RefundFailure),
}

impl Refund {
    /// Whether it gives back all that is left. The gateway never gives back more than it took, so that such a refund may
    /// be asked for again with a new key.
    pub const fn is_of_the_rest(&self) -> bool {
        self.left.amount_minor == 0
    }
}

impl RefundActor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Oms, Self::Gateway, Self::Dispute];

    /// The name, as in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oms => "oms",
            Self::Gateway => "gateway",
            Self::Dispute => "dispute",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Refunded, Self::Failed];

    /// The name, as in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
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
    fn every_state_is_found_by_its_name_and_nothing_else_is() {
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
