//! Refunds and disputes as a gateway lists them, including refunds that were made elsewhere.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use oms_validation::{Money, TenantId, newer_word};
use serde::{Serialize, Serializer};

use crate::{GatewayEventId, Reference, RefundActor, RefundFailure, RefundId, UnknownState};

/// A refund or dispute of a payment, which the gateway may have made without us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// The gateway's name for it.
    pub reference: Reference,
    /// Our ID, which is stored with it; `None` if we did not request it.
    pub refund_id: Option<RefundId>,
    /// Who refunded the money.
    pub actor: RefundActor,
    /// The amount.
    pub amount: Money,
    /// The state of the refund.
    pub state: ListedState,
}

/// The state of a listed refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedState {
    /// The bank has not received it yet.
    Pending,
    /// The gateway considers it done.
    Refunded,
    /// It failed, possibly weeks after it was done.
    Failed(RefundFailure),
}

/// A dispute of a payment: the customer asks the bank for the money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDispute {
    /// The gateway's name for it.
    pub reference: Reference,
    /// The disputed amount.
    pub amount: Money,
    /// The reason, in the gateway's words.
    pub reason: String,
    /// The state of the dispute.
    pub state: DisputeState,
    /// The deadline for submitting evidence; `None` if none can be submitted.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened, by the gateway's clock.
    pub opened_at: DateTime<Utc>,
}

/// The state of a dispute, in Stripe's words: <https://docs.stripe.com/api/disputes/object#dispute_object-status>. The
/// `warning_…` states belong to an inquiry, which takes no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DisputeState {
    /// The inquiry waits for evidence.
    WarningNeedsResponse,
    /// The bank is reviewing the inquiry.
    WarningUnderReview,
    /// The inquiry did not become a dispute.
    WarningClosed,
    /// The dispute waits for evidence.
    NeedsResponse,
    /// The bank is reviewing the dispute.
    UnderReview,
    /// We keep the money.
    Won,
    /// The customer gets the money.
    Lost,
    /// The dispute was settled before it took any money.
    Prevented,
    /// A state that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    DisputeState,
    "The state of a dispute, in Stripe's words: <https://docs.stripe.com/api/disputes/object#dispute_object-status>. The `warning_…` states belong to an inquiry, which takes no money.",
    oms_validation::openapi::words(DisputeState::ALL.map(DisputeState::as_str))
}

impl DisputeState {
    /// All states of this version.
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

    /// Whether the dispute is undecided. Such a payment is not refunded automatically, because the customer could get
    /// the money twice.
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

    /// The name, as stored and as in JSON.
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

    /// Reads the stored text, also if a newer version of the program wrote it.
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
    /// The dispute as a refund: a lost dispute has refunded the money, any other has not.
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

/// A page of the gateway's events about refunds and disputes, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPage {
    /// The events' subjects.
    pub reports: Vec<Report>,
    /// Pass it to get the next page; `None` on the last page.
    pub next: Option<GatewayEventId>,
}

/// The subject of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The event's ID.
    pub id: GatewayEventId,
    /// The payment.
    pub reference: Reference,
    /// The tenant, if the event names one.
    pub tenant_id: Option<TenantId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_use_the_same_names_of_dispute_states() {
        for state in DisputeState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!("".parse::<DisputeState>(), Err(UnknownState));
    }
}
