//! A dispute of an order's payment.

use chrono::{DateTime, Utc};
use oms_payments::{DisputeState, ListedDispute, Reference};
use oms_validation::Money;

/// A dispute of an order's payment, as the gateway had it when it was looked at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The gateway's name for it.
    pub reference: Reference,
    /// How far it is.
    pub state: DisputeState,
    /// How much is disputed.
    pub amount: Money,
    /// Why, in the gateway's words.
    pub reason: String,
    /// Until when evidence can be handed in, if at all.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened, by the gateway's clock.
    pub opened_at: DateTime<Utc>,
}

impl Dispute {
    /// What to keep of a dispute that the gateway lists.
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

    /// What became of it, for the timeline.
    pub(crate) fn in_words(&self) -> String {
        let Self {
            reference,
            amount,
            reason,
            ..
        } = self;
        let (amount_minor, currency) = (amount.amount_minor, amount.currency);
        let what = format!("dispute {reference} of {amount_minor} {currency} in minor units");
        match self.state {
            DisputeState::Won => format!("{what} was won: the money is ours"),
            DisputeState::Lost => format!("{what} was lost: the money is the customer's"),
            DisputeState::WarningClosed | DisputeState::Prevented => {
                format!("{what} was closed without taking any money")
            }
            state => match self.evidence_due_at {
                Some(due) => {
                    let due = due.format("%Y-%m-%d %H:%M UTC");
                    format!("{what} is {state} ({reason}); evidence is due by {due}")
                }
                None => format!("{what} is {state} ({reason})"),
            },
        }
    }
}
