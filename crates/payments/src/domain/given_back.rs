//! Refunds and disputes as a gateway lists them, whoever asked for them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use oms_validation::{Money, TenantId, newer_word};
use serde::{Serialize, Serializer};

use crate::{GatewayEventId, Reference, RefundActor, RefundFailure, RefundId, UnknownState};

/// What the gateway may have done without us, for one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// The gateway's name for it.
    pub reference: Reference,
    /// The id that we kept with it; none for one that we did not ask for.
    pub refund_id: Option<RefundId>,
    /// Who gave the money back.
    pub actor: RefundActor,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub state: ListedState,
}

/// How far a listed refund is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedState {
    /// The bank has yet to take it.
    Pending,
    /// The gateway considers it done.
    Refunded,
    /// It failed, perhaps weeks after it was done.
    Failed(RefundFailure),
}

/// A dispute of a payment: the customer asks the bank for the money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDispute {
    /// The gateway's name for it.
    pub reference: Reference,
    /// How much is disputed.
    pub amount: Money,
    /// Why, in the gateway's words.
    pub reason: String,
    /// How far it is.
    pub state: DisputeState,
    /// Until when evidence can be handed in, if at all.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened, by the gateway's clock.
    pub opened_at: DateTime<Utc>,
}

/// How far a dispute is, in Stripe's words: <https://docs.stripe.com/api/disputes/object#dispute_object-status>. The
/// `warning_…` states are those of an inquiry, which has not taken any money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DisputeState {
    /// An inquiry waits for evidence.
    WarningNeedsResponse,
    /// An inquiry is with the bank.
    WarningUnderReview,
    /// An inquiry did not become a dispute.
    WarningClosed,
    /// It waits for evidence.
    NeedsResponse,
    /// It is with the bank.
    UnderReview,
    /// The money is ours.
    Won,
    /// The money is the customer's.
    Lost,
    /// It was settled before it took any money.
    Prevented,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    DisputeState,
    "How far a dispute is, in Stripe's words: <https://docs.stripe.com/api/disputes/object#dispute_object-status>. The `warning_…` states are those of an inquiry, which has not taken any money.",
    oms_validation::openapi::words(DisputeState::ALL.map(DisputeState::as_str))
}

impl DisputeState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::WarningNeedsResponse,
        Self::WarningUnderReview,
        Self::WarningClosed,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Won,
        Self::Lost,
        Self::Prevented,
    ];

    /// Whether it is not decided yet. The money of such a payment is not refunded automatically: the customer could get it
    /// twice.
    pub const fn is_open(self) -> bool {
        match self {
            Self::WarningNeedsResponse
            | Self::WarningUnderReview
            | Self::NeedsResponse
            | Self::UnderReview
            | Self::Other(_) => true,
            Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented => false,
        }
    }

    /// The name, as in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Prevented => "prevented",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
    pub fn stored(text: &str) -> Self {
        text.parse()
            .unwrap_or_else(|_| Self::Other(newer_word(text)))
    }
}

impl Serialize for DisputeState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for DisputeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DisputeState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |state: &Self| state.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownState)
    }
}

impl ListedDispute {
    /// What it says of the money: a lost one has given it to the customer, and any other one has not.
    pub fn as_refund(&self) -> ListedRefund {
        let state = match self.state {
            DisputeState::Lost => ListedState::Refunded,
            other => ListedState::Failed(RefundFailure::new(match other {
                DisputeState::Won => "dispute_won",
                _ => "dispute_reopened",
            })),
        };
        ListedRefund {
            reference: self.reference.clone(),
            refund_id: None,
            actor: RefundActor::Dispute,
            amount: self.amount,
            state,
        }
    }
}

/// Some of the gateway's events about refunds and disputes, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPage {
    /// What they are about.
    pub reports: Vec<Report>,
    /// Ask for what comes after this one; none at the end.
    pub next: Option<GatewayEventId>,
}

/// What one event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The event's id.
    pub id: GatewayEventId,
    /// The payment.
    pub reference: Reference,
    /// The store, if the event names one.
    pub tenant_id: Option<TenantId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_spell_a_dispute_s_state_alike() {
        for state in DisputeState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!("".parse::<DisputeState>(), Err(UnknownState));
    }
}
