//! A dispute of an order's payment.

use chrono::{DateTime, Utc};
use oms_payments::{DisputeState, ListedDispute, Reference, dispute_in_words};
use oms_validation::Money;

/// A dispute of an order's payment, as the gateway last reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The gateway's ID of the dispute.
    pub reference: Reference,
    /// Its state.
    pub state: DisputeState,
    /// The disputed amount.
    pub amount: Money,
    /// The reason, in the gateway's words.
    pub reason: String,
    /// Deadline for submitting evidence, if evidence can be submitted.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened, by the gateway's clock.
    pub opened_at: DateTime<Utc>,
}

impl Dispute {
    /// Converts a dispute that the gateway lists.
    pub(crate) fn of(listed: &ListedDispute) -> Self {
        Self {
            reference: listed.reference.clone(),
            state: listed.state,
            amount: listed.amount,
            reason: listed.reason.clone(),
            evidence_due_at: listed.evidence_due_at,
            opened_at: listed.opened_at,
        }
    }

    /// Describes the state of the dispute for the timeline.
    pub(crate) fn in_words(&self) -> String {
        let what = format!("dispute {} of {}", self.reference, self.amount);
        match self.state {
            DisputeState::Won => format!("{what} was won: the merchant keeps the money"),
            DisputeState::Lost => format!("{what} was lost: the customer keeps the money"),
            DisputeState::WarningClosed | DisputeState::Prevented => {
                format!("{what} was closed without taking any money")
            }
            state => {
                let why = dispute_in_words(&self.reason);
                let due = self.evidence_due_at.map(|due| {
                    let due = due.format("%Y-%m-%d %H:%M UTC");
                    format!("; evidence is due by {due}")
                });
                let due = due.unwrap_or_default();
                format!("{what}: {why}; {}{due}", state.in_words())
            }
        }
    }
}
