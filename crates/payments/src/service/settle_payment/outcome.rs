//! What is known of a payment that was settled, and what may be closed for it.

use oms_database::DbError;
use oms_validation::Money;

use crate::{Attempt, Closing, DeclineCode, GatewayError, PaymentStatus, UnsavedCalls};

/// What is known of a payment now.
#[derive(Debug)]
pub enum SettleOutcome {
    /// The customer has paid exactly what was asked.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// The customer has paid something else than was asked. Keep the stock, and alert.
    WrongAmount {
        /// What was taken.
        charged: Money,
    },
    /// The gateway says that it is cancelled: proof that no money moved or can still move.
    Voided {
        /// Why it was declined before, if it was.
        decline_code: Option<DeclineCode>,
    },
    /// No reference is stored: once the attempt is closed, that is proof that no money moved or can still move.
    NeverPrepared,
    /// Not to be settled now. Keep the stock, and look again later.
    Later(LaterCause),
    /// Somebody else has closed the attempt. Read the order again.
    Superseded,
}

/// Why a payment can't be settled now.
#[derive(Debug, thiserror::Error)]
pub enum LaterCause {
    /// The customer or the bank has yet to do something, and the gateway does not let us cancel, or we don't want to.
    #[error("the payment is pending at the gateway: {0:?}")]
    Pending(PaymentStatus),
    /// The gateway did not answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The attempt belongs to a gateway that this program was not given.
    #[error("the attempt belongs to the gateway {0}")]
    OtherGateway(String),
    /// The attempt was made before this database was copied, and only an operator can say that it is this database's to
    /// settle.
    #[error(
        "the payment was inherited from the database that this one was copied from; see `oms-api installation`"
    )]
    Inherited,
    /// The attempt, or the refund, is in a state that only a newer version of the program knows.
    #[error("the payment is in the state {0}, which only a newer version of the program knows")]
    Newer(&'static str),
    /// The gateway has a refund with this refund's id, of another amount.
    #[error("the gateway has a refund of another amount: {amount:?}")]
    OtherRefund {
        /// The amount that it has.
        amount: Money,
    },
}

impl SettleOutcome {
    /// How the attempt may be closed now; none while it has to stay open.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Self::Paid { amount } => Some(Closing::Paid { captured: *amount }),
            Self::Voided {
                decline_code: Some(code),
            } => Some(Closing::Declined(code.clone())),
            Self::Voided { decline_code: None } => Some(Closing::Voided),
            Self::NeverPrepared => Some(Closing::NeverPrepared),
            Self::WrongAmount { .. } | Self::Later(_) | Self::Superseded => None,
        }
    }

    /// As [`closing`](Self::closing), but takes whatever the gateway has charged for the payment: for an operator who
    /// accepts it, and for giving all of it back. None for money in another currency than the attempt's, and for none at
    /// all.
    pub fn accept_charged_amount(&self, attempt: &Attempt) -> Option<Closing> {
        let Self::WrongAmount { charged } = self else {
            return self.closing();
        };
        let acceptable = charged.currency == attempt.amount.currency && charged.amount_minor > 0;
        acceptable.then_some(Closing::Paid { captured: *charged })
    }
}

/// What is known of a payment, and the calls by which it was learnt.
#[derive(Debug)]
#[must_use = "an outcome with a closing changes nothing until the attempt is closed"]
pub struct Settled {
    /// What is known of the payment.
    pub outcome: SettleOutcome,
    /// What is not in the history yet. Nothing, where nothing is to be closed.
    pub calls: UnsavedCalls,
}

impl Settled {
    /// As [`SettleOutcome::closing`].
    pub fn closing(&self) -> Option<Closing> {
        self.outcome.closing()
    }
}

pub(super) fn pending(status: PaymentStatus) -> SettleOutcome {
    SettleOutcome::Later(LaterCause::Pending(status))
}

pub(super) fn paid(expected: Money, amount: Money) -> SettleOutcome {
    if amount == expected {
        SettleOutcome::Paid { amount }
    } else {
        SettleOutcome::WrongAmount { charged: amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptId, NewAttempt};
    use oms_validation::{Currency, OrderId};

    fn usd(amount_minor: i64) -> Money {
        let currency = Currency::parse("USD").unwrap();
        Money {
            amount_minor,
            currency,
        }
    }

    #[test]
    fn another_amount_is_accepted_only_when_asked_and_only_in_the_same_currency() {
        let attempt = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: usd(2000),
            gateway: "fake".to_owned(),
        }
        .recorded();
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(2000)
        };
        for (charged, accepted) in [
            (usd(1), true),
            (usd(3000), true),
            (usd(0), false),
            (eur, false),
        ] {
            let outcome = SettleOutcome::WrongAmount { charged };
            assert_eq!(outcome.closing(), None, "{charged:?}");
            let expected = accepted.then_some(Closing::Paid { captured: charged });
            assert_eq!(
                outcome.accept_charged_amount(&attempt),
                expected,
                "{charged:?}"
            );
        }
        let voided = SettleOutcome::Voided { decline_code: None };
        assert_eq!(
            voided.accept_charged_amount(&attempt),
            Some(Closing::Voided)
        );
        let later = pending(PaymentStatus::Processing);
        assert_eq!(later.accept_charged_amount(&attempt), None);
    }
}
