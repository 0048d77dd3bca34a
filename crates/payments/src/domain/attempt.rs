//! An attempt to collect the payment of an order, and its states.

use std::fmt;
use std::str::FromStr;

use oms_validation::{Money, OrderId, newer_word};

use crate::{AttemptId, CustomerAction, DeclineCode, PaymentStatus, Reference};

/// An attempt to collect the payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt's ID.
    pub id: AttemptId,
    /// The order to be paid.
    pub order_id: OrderId,
    /// 1 for an order's first attempt.
    pub number: i32,
    /// What the customer must pay; never changes.
    pub amount: Money,
    /// Name of the gateway that collects it.
    pub gateway: String,
    /// The attempt's state.
    pub state: AttemptState,
    /// The gateway's name for the payment; `None` before `Sent`.
    pub reference: Option<Reference>,
    /// What was taken; only with `Paid`, `Refunding` and `Refunded`. It differs from the requested amount only if an
    /// operator accepted that.
    pub captured: Option<Money>,
    /// Why it was declined; only with `Declined`.
    pub decline_code: Option<DeclineCode>,
    /// Whether it was made before this database was copied from another one, which may still use it. Such a payment is
    /// only read, never cancelled or refunded.
    pub is_inherited: bool,
    /// What the customer must do; only with `NeedsAction`, and `None` if the gateway did not say.
    pub customer_action: Option<Box<CustomerAction>>,
}

impl Attempt {
    /// Whether its books can hold what the gateway charged: money in its own currency, whatever the amount.
    pub fn can_hold(&self, charged: Money) -> bool {
        charged.currency == self.amount.currency && charged.amount_minor > 0
    }
}

/// An attempt to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// The attempt's ID.
    pub id: AttemptId,
    /// The order to be paid.
    pub order_id: OrderId,
    /// 1 for an order's first attempt.
    pub number: i32,
    /// What the customer must pay.
    pub amount: Money,
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
}

impl NewAttempt {
    /// The attempt as it is recorded.
    pub(crate) fn recorded(&self) -> Attempt {
        Attempt {
            id: self.id,
            order_id: self.order_id,
            number: self.number,
            amount: self.amount,
            gateway: self.gateway.clone(),
            state: AttemptState::Created,
            reference: None,
            captured: None,
            decline_code: None,
            is_inherited: false,
            customer_action: None,
        }
    }
}

/// The state of a payment attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Recorded. The gateway may know the payment, but no money can move.
    Created,
    /// The gateway's reference is stored, and a confirmation may be in flight. From here on money can move.
    Sent,
    /// The money is reserved for us, but not taken yet.
    Authorised,
    /// The customer must act first.
    NeedsAction,
    /// The bank has not decided yet.
    Processing,
    /// The answer never arrived. Only the gateway's word ends this state, never time.
    Unknown,
    /// A cancellation may be in flight: this state is recorded before it is sent.
    Voiding,
    /// No money moved, and none can still move. Final.
    Voided,
    /// The payment was declined. Final.
    Declined,
    /// The customer paid.
    Paid,
    /// Some of the money is being refunded.
    Refunding,
    /// All of the money was refunded. It becomes `Paid` again if a bank returns some of it.
    Refunded,
    /// A state that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    AttemptState,
    "The state of a payment attempt.",
    oms_validation::openapi::words(AttemptState::ALL.map(AttemptState::as_str))
}

/// The text is not the name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a state")]
pub struct UnknownState;

impl AttemptState {
    /// All states of this version.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Sent,
        Self::Authorised,
        Self::NeedsAction,
        Self::Processing,
        Self::Unknown,
        Self::Voiding,
        Self::Voided,
        Self::Declined,
        Self::Paid,
        Self::Refunding,
        Self::Refunded,
    ];

    /// The states in which a gateway has the payment and money may move.
    pub const AT_THE_GATEWAY: [Self; 6] = [
        Self::Sent,
        Self::Authorised,
        Self::NeedsAction,
        Self::Processing,
        Self::Unknown,
        Self::Voiding,
    ];

    /// Whether an attempt may change from this state to `next`. Without a reference there can be no money, so nothing
    /// is paid or declined before it is sent. The last observed state may change with the gateway's next answer, but an
    /// observed attempt never becomes unknown again. Final states absorb.
    pub fn can_become(self, next: Self) -> bool {
        use AttemptState as S;
        match self {
            S::Created => matches!(next, S::Sent | S::Voided),
            S::Sent => {
                next.is_heard() || next.is_answer() || matches!(next, S::Unknown | S::Voiding)
            }
            S::Authorised | S::NeedsAction | S::Processing => {
                (next.is_heard() && next != self) || next.is_answer() || matches!(next, S::Voiding)
            }
            S::Unknown => next.is_heard() || next.is_answer() || matches!(next, S::Voiding),
            // The gateway refused to cancel, it was too late, or the cancellation succeeded.
            S::Voiding => next.is_heard() || next.is_answer(),
            // The gateway can also refund without us.
            S::Paid => matches!(next, S::Refunding | S::Refunded),
            S::Refunding => matches!(next, S::Paid | S::Refunded),
            S::Refunded => matches!(next, S::Paid),
            S::Voided | S::Declined | S::Other(_) => false,
        }
    }

    /// Whether a gateway reports this state of a payment that is neither taken nor dead.
    const fn is_heard(self) -> bool {
        matches!(
            self,
            Self::Authorised | Self::NeedsAction | Self::Processing
        )
    }

    /// Whether this state is a gateway's definite answer.
    const fn is_answer(self) -> bool {
        matches!(self, Self::Paid | Self::Declined | Self::Voided)
    }

    /// Whether the outcome of the payment is still open.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Created
            | Self::Sent
            | Self::Authorised
            | Self::NeedsAction
            | Self::Processing
            | Self::Unknown
            | Self::Voiding => true,
            Self::Voided
            | Self::Declined
            | Self::Paid
            | Self::Refunding
            | Self::Refunded
            | Self::Other(_) => false,
        }
    }

    /// Whether we have none of its money and can't get any. An order gets another attempt only when the previous one is
    /// dead.
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Voided | Self::Declined | Self::Refunded)
    }

    /// The attempt's state after a gateway reported this status; `None` if the status reveals nothing new, or requires
    /// a [`Closing`](crate::Closing).
    pub(crate) const fn heard(status: &PaymentStatus) -> Option<Self> {
        match status {
            PaymentStatus::NeedsAction => Some(Self::NeedsAction),
            PaymentStatus::Processing => Some(Self::Processing),
            PaymentStatus::Authorised => Some(Self::Authorised),
            PaymentStatus::Paid { .. }
            | PaymentStatus::Declined { .. }
            | PaymentStatus::NotConfirmed
            | PaymentStatus::Cancelled => None,
        }
    }

    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Sent => "sent",
            Self::Authorised => "authorised",
            Self::NeedsAction => "needs_action",
            Self::Processing => "processing",
            Self::Unknown => "unknown",
            Self::Voiding => "voiding",
            Self::Voided => "voided",
            Self::Declined => "declined",
            Self::Paid => "paid",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Other(word) => word,
        }
    }

    /// Reads the stored text, also if a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        text.parse()
            .unwrap_or_else(|_| Self::Other(newer_word(text)))
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AttemptState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |state: &Self| state.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptState::{
        Authorised, Created, Declined, NeedsAction, Paid, Processing, Refunded, Refunding, Sent,
        Unknown, Voided, Voiding,
    };
    use super::*;

    /// The whole table: each state, and the states it may change to.
    const LEGAL: [(AttemptState, &[AttemptState]); 12] = [
        (Created, &[Sent, Voided]),
        (
            Sent,
            &[
                Authorised,
                NeedsAction,
                Processing,
                Unknown,
                Voiding,
                Voided,
                Declined,
                Paid,
            ],
        ),
        (
            Authorised,
            &[NeedsAction, Processing, Voiding, Voided, Declined, Paid],
        ),
        (
            NeedsAction,
            &[Authorised, Processing, Voiding, Voided, Declined, Paid],
        ),
        (
            Processing,
            &[Authorised, NeedsAction, Voiding, Voided, Declined, Paid],
        ),
        (
            Unknown,
            &[
                Authorised,
                NeedsAction,
                Processing,
                Voiding,
                Voided,
                Declined,
                Paid,
            ],
        ),
        (
            Voiding,
            &[Authorised, NeedsAction, Processing, Voided, Declined, Paid],
        ),
        (Voided, &[]),
        (Declined, &[]),
        (Paid, &[Refunding, Refunded]),
        (Refunding, &[Paid, Refunded]),
        (Refunded, &[Paid]),
    ];

    #[test]
    fn exactly_the_legal_transitions_are_allowed() {
        for (from, legal) in LEGAL {
            for to in AttemptState::ALL {
                assert_eq!(from.can_become(to), legal.contains(&to), "{from} → {to}");
            }
        }
    }

    #[test]
    fn only_dead_states_absorb_except_that_a_refunded_attempt_may_become_paid_again() {
        for state in AttemptState::ALL {
            let absorbs = !AttemptState::ALL
                .into_iter()
                .any(|next| state.can_become(next));
            assert_eq!(absorbs || state == Refunded, state.is_dead(), "{state}");
            assert!(!(state.is_open() && state.is_dead()), "{state}");
        }
    }

    #[test]
    fn an_observed_attempt_never_becomes_unknown_and_no_state_goes_back() {
        for state in AttemptState::ALL {
            assert_eq!(state.can_become(Unknown), state == Sent, "{state}");
            assert_eq!(state.can_become(Sent), state == Created, "{state}");
            assert!(!state.can_become(Created), "{state}");
        }
    }

    #[test]
    fn every_open_attempt_that_was_sent_may_be_cancelled_and_answered() {
        for state in AttemptState::ALL {
            let at_the_gateway = AttemptState::AT_THE_GATEWAY.contains(&state);
            assert_eq!(at_the_gateway, state.is_open() && state != Created);
            for answer in [Paid, Declined] {
                let is_refund_undone = matches!(state, Refunding | Refunded) && answer == Paid;
                let expected = at_the_gateway || is_refund_undone;
                assert_eq!(state.can_become(answer), expected, "{state} → {answer}");
            }
            let expected = at_the_gateway && state != Voiding;
            assert_eq!(state.can_become(Voiding), expected, "{state}");
        }
    }

    #[test]
    fn every_state_parses_from_its_name_and_no_other_text_does() {
        for state in AttemptState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for text in ["", "PAID", "prepared"] {
            assert_eq!(text.parse::<AttemptState>(), Err(UnknownState), "{text:?}");
        }
    }
}
