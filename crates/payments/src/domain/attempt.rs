//! One try at collecting the payment of an order, and the states it goes through.

use std::fmt;
use std::str::FromStr;

use oms_validation::{Money, OrderId, newer_word};

use crate::{AttemptId, CustomerAction, DeclineCode, PaymentStatus, Reference};

/// One try at collecting the payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt's own id.
    pub id: AttemptId,
    /// The order that is paid for.
    pub order_id: OrderId,
    /// 1 for an order's first attempt.
    pub number: i32,
    /// What the customer shall pay; never changes.
    pub amount: Money,
    /// Name of the gateway that is to collect it.
    pub gateway: String,
    /// How far it is.
    pub state: AttemptState,
    /// The gateway's name for the payment; none before `Sent`.
    pub reference: Option<Reference>,
    /// What was taken; only of `Paid`, `Refunding` and `Refunded`. Another amount than was asked for only where an
    /// operator has accepted it.
    pub captured: Option<Money>,
    /// Why it was declined; only of `Declined`.
    pub decline_code: Option<DeclineCode>,
    /// It was made before this database was copied from another one, which may be using it: the payment is read here, and
    /// neither cancelled nor refunded.
    pub is_inherited: bool,
    /// What the customer has to do; only of `NeedsAction`, and none where the gateway has not said it.
    pub customer_action: Option<Box<CustomerAction>>,
}

/// An attempt that is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// The attempt's own id.
    pub id: AttemptId,
    /// The order that is paid for.
    pub order_id: OrderId,
    /// 1 for an order's first attempt.
    pub number: i32,
    /// What the customer shall pay.
    pub amount: Money,
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
}

impl NewAttempt {
    /// The attempt as it is once it has been recorded.
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

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Recorded. The gateway may know of it, but no money can move.
    Created,
    /// The gateway's reference is stored, and a confirmation may be under way. From here on money can move.
    Sent,
    /// The money is reserved for us, and not taken yet.
    Authorised,
    /// The customer has to do something first.
    NeedsAction,
    /// The bank has not decided yet.
    Processing,
    /// The answer never came. Only the gateway's word ends this, never time.
    Unknown,
    /// The cancellation may be under way: it is written before it is sent.
    Voiding,
    /// It is proven that no money moved or can still move. Final.
    Voided,
    /// The payment was refused. Final.
    Declined,
    /// The customer has paid.
    Paid,
    /// Some of the money is being given back.
    Refunding,
    /// All of the money was given back. It is paid again when a bank sends some of it back.
    Refunded,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    AttemptState,
    "How far an attempt is.",
    oms_validation::openapi::words(AttemptState::ALL.map(AttemptState::as_str))
}

/// The text is not the name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an attempt's state")]
pub struct UnknownState;

impl AttemptState {
    /// All of them.
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

    /// Those in which a gateway has the payment and money may move.
    pub const AT_THE_GATEWAY: [Self; 6] = [
        Self::Sent,
        Self::Authorised,
        Self::NeedsAction,
        Self::Processing,
        Self::Unknown,
        Self::Voiding,
    ];

    /// Whether an attempt in this state may become one in `next`. Without a reference there can be no money, so that
    /// nothing is paid or declined before it was sent. What was heard last may change with the gateway's next word, but
    /// nothing that was heard becomes unknown again. Final states absorb.
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
            // The gateway would not cancel, it was too late, or it is done.
            S::Voiding => next.is_heard() || next.is_answer(),
            // The gateway gives money back without us, too.
            S::Paid => matches!(next, S::Refunding | S::Refunded),
            S::Refunding => matches!(next, S::Paid | S::Refunded),
            S::Refunded => matches!(next, S::Paid),
            S::Voided | S::Declined | S::Other(_) => false,
        }
    }

    /// What a gateway says of a payment that is neither taken nor dead.
    const fn is_heard(self) -> bool {
        matches!(
            self,
            Self::Authorised | Self::NeedsAction | Self::Processing
        )
    }

    /// What a gateway's definite answer makes of a payment.
    const fn is_answer(self) -> bool {
        matches!(self, Self::Paid | Self::Declined | Self::Voided)
    }

    /// Whether what becomes of the payment is still to be found out.
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

    /// Whether no money of it is with us or can still come. An order gets another attempt only when the one before it is
    /// dead.
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Voided | Self::Declined | Self::Refunded)
    }

    /// The state of an attempt of which a gateway says this; none where it says nothing new, or what a
    /// [`Closing`](crate::Closing) is for.
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

    /// The name, as in the database and in JSON.
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

    /// What the database has, also where a newer version of the program wrote it.
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

    /// The whole table: each state, and all that it may become.
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
    fn the_dead_absorb_but_for_a_refund_that_fails_later_and_nothing_else_does() {
        for state in AttemptState::ALL {
            let absorbs = !AttemptState::ALL
                .into_iter()
                .any(|next| state.can_become(next));
            assert_eq!(absorbs || state == Refunded, state.is_dead(), "{state}");
            assert!(!(state.is_open() && state.is_dead()), "{state}");
        }
    }

    #[test]
    fn what_was_heard_never_becomes_unknown_and_nothing_goes_back() {
        for state in AttemptState::ALL {
            assert_eq!(state.can_become(Unknown), state == Sent, "{state}");
            assert_eq!(state.can_become(Sent), state == Created, "{state}");
            assert!(!state.can_become(Created), "{state}");
        }
    }

    #[test]
    fn whatever_is_open_and_sent_may_be_fenced_and_answered() {
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
    fn every_state_is_found_by_its_name_and_nothing_else_is() {
        for state in AttemptState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for text in ["", "PAID", "prepared"] {
            assert_eq!(text.parse::<AttemptState>(), Err(UnknownState), "{text:?}");
        }
    }
}
