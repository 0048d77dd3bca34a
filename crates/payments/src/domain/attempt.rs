//! One try at collecting the payment of an order, and the states it goes through.

use std::fmt;
use std::str::FromStr;

use oms_validation::{Money, OrderId};

use crate::{AttemptId, DeclineCode, Reference};

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
    /// The gateway's name for the payment; none before `Prepared`.
    pub reference: Option<Reference>,
    /// Why it was declined; only of `Declined`.
    pub decline_code: Option<DeclineCode>,
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
            decline_code: None,
        }
    }
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Recorded. The gateway may know of it, but no money can move.
    Created,
    /// The gateway's reference is stored. From here on money can move.
    Prepared,
    /// The customer has paid. Final.
    Paid,
    /// The payment was refused. Final.
    Declined,
    /// It is proven that no money moved or can still move. Final.
    Voided,
}

/// The text is not the name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an attempt's state")]
pub struct UnknownState;

impl AttemptState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Created,
        Self::Prepared,
        Self::Paid,
        Self::Declined,
        Self::Voided,
    ];

    /// Whether an attempt in this state may become one in `next`. Without a reference there can be no money, so that
    /// nothing is paid or declined before it was prepared; final states absorb.
    pub const fn can_become(self, next: Self) -> bool {
        match self {
            Self::Created => matches!(next, Self::Prepared | Self::Voided),
            Self::Prepared => matches!(next, Self::Paid | Self::Declined | Self::Voided),
            Self::Paid | Self::Declined | Self::Voided => false,
        }
    }

    /// Whether money may still move.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Prepared)
    }

    /// The name, as in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Prepared => "prepared",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Voided => "voided",
        }
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
    use super::AttemptState::{Created, Declined, Paid, Prepared, Voided};
    use super::*;

    #[test]
    fn exactly_the_legal_transitions_are_allowed() {
        let legal = [
            (Created, Prepared),
            (Created, Voided),
            (Prepared, Paid),
            (Prepared, Declined),
            (Prepared, Voided),
        ];
        for from in AttemptState::ALL {
            for to in AttemptState::ALL {
                let expected = legal.contains(&(from, to));
                assert_eq!(from.can_become(to), expected, "{from} → {to}");
            }
        }
    }

    #[test]
    fn final_states_absorb_and_only_open_ones_do_not() {
        for state in AttemptState::ALL {
            let has_a_way_out = AttemptState::ALL
                .into_iter()
                .any(|next| state.can_become(next));
            assert_eq!(has_a_way_out, state.is_open(), "{state}");
        }
    }

    #[test]
    fn every_state_is_found_by_its_name_and_nothing_else_is() {
        for state in AttemptState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for text in ["", "PAID", "refunded"] {
            assert_eq!(text.parse::<AttemptState>(), Err(UnknownState), "{text:?}");
        }
    }
}
