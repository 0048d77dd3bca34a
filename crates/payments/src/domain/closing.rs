//! The ways in which an open attempt ends. Each lists the states that it may start from, which makes the
//! compare-and-set a fence.

use oms_validation::Money;

use crate::{AttemptId, AttemptState, DeclineCode, UnsavedCalls};

/// How an open attempt ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The gateway reports that the payment was taken: exactly the right amount, or another one that an operator
    /// accepts.
    Paid {
        /// What was taken, in the currency of the attempt.
        captured: Money,
    },
    /// The gateway reports that the payment was declined.
    Declined(DeclineCode),
    /// The gateway has a reference, and it is proven that no money moved or can still move.
    Voided,
    /// No reference is stored. Storing one requires an open attempt, and confirming requires a stored reference. So
    /// closing the attempt while it is still `Created` is itself the proof.
    NeverPrepared,
}

/// The end of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct ClosedAttempt<'a> {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// How it ends.
    pub closing: &'a Closing,
    /// The calls that revealed it.
    pub calls: &'a UnsavedCalls,
}

impl Closing {
    /// The only states from which an attempt may end like this.
    pub const fn from(&self) -> &'static [AttemptState] {
        match self {
            Self::Paid { .. } | Self::Declined(_) | Self::Voided => &AttemptState::AT_THE_GATEWAY,
            Self::NeverPrepared => &[AttemptState::Created],
        }
    }

    /// The resulting state.
    pub const fn to(&self) -> AttemptState {
        match self {
            Self::Paid { .. } => AttemptState::Paid,
            Self::Declined(_) => AttemptState::Declined,
            Self::Voided | Self::NeverPrepared => AttemptState::Voided,
        }
    }

    /// What was taken, if anything was.
    pub const fn captured(&self) -> Option<Money> {
        match self {
            Self::Paid { captured } => Some(*captured),
            Self::Declined(_) | Self::Voided | Self::NeverPrepared => None,
        }
    }

    /// Why it was declined, if it was.
    pub const fn decline_code(&self) -> Option<&DeclineCode> {
        match self {
            Self::Declined(code) => Some(code),
            Self::Paid { .. } | Self::Voided | Self::NeverPrepared => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oms_validation::Currency;

    #[test]
    fn every_closing_is_a_legal_transition_from_all_of_its_starting_states() {
        let captured = Money {
            amount_minor: 1,
            currency: Currency::parse("USD").unwrap(),
        };
        let declined = Closing::Declined(DeclineCode::new("insufficient_funds"));
        for closing in [
            Closing::Paid { captured },
            declined,
            Closing::Voided,
            Closing::NeverPrepared,
        ] {
            for from in closing.from() {
                assert!(from.can_become(closing.to()), "{from}: {closing:?}");
            }
            assert!(!closing.to().is_open(), "{closing:?}");
            let paid = closing.to() == AttemptState::Paid;
            assert_eq!(closing.captured().is_some(), paid, "{closing:?}");
        }
    }

    #[test]
    fn an_attempt_that_was_sent_is_never_closed_as_never_prepared() {
        assert_eq!(Closing::NeverPrepared.from(), [AttemptState::Created]);
        assert!(!Closing::Voided.from().contains(&AttemptState::Created));
    }
}
