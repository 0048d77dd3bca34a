//! The ways in which an attempt ends. Each names the one state that it may start from, which is what makes the
//! compare-and-set a fence.

use crate::{AttemptState, DeclineCode};

/// How an attempt ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The gateway says that exactly the right amount was paid.
    Paid,
    /// The gateway says that the payment was refused.
    Declined(DeclineCode),
    /// The gateway has a reference, and proof was given that no money moved or can still move.
    Voided,
    /// Nobody stored a reference. Whoever does has to find the attempt open, and nobody confirms without having stored
    /// one: so closing the attempt, as long as it is still `Created`, is itself the proof.
    NeverPrepared,
}

impl Closing {
    /// The only state in which an attempt may end like this.
    pub const fn from(&self) -> AttemptState {
        match self {
            Self::Paid | Self::Declined(_) | Self::Voided => AttemptState::Prepared,
            Self::NeverPrepared => AttemptState::Created,
        }
    }

    /// The final state.
    pub const fn to(&self) -> AttemptState {
        match self {
            Self::Paid => AttemptState::Paid,
            Self::Declined(_) => AttemptState::Declined,
            Self::Voided | Self::NeverPrepared => AttemptState::Voided,
        }
    }

    /// Why it was declined, if it was.
    pub const fn decline_code(&self) -> Option<&DeclineCode> {
        match self {
            Self::Declined(code) => Some(code),
            Self::Paid | Self::Voided | Self::NeverPrepared => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_closing_is_a_legal_transition_into_a_final_state() {
        let declined = Closing::Declined(DeclineCode::new("insufficient_funds"));
        for closing in [
            Closing::Paid,
            declined,
            Closing::Voided,
            Closing::NeverPrepared,
        ] {
            assert!(closing.from().can_become(closing.to()), "{closing:?}");
            assert!(!closing.to().is_open(), "{closing:?}");
        }
    }
}
