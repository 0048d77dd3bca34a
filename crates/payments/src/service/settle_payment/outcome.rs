//! What is known of a settled payment, and which closing it allows.

use oms_database::DbError;
use oms_validation::Money;

use crate::{Attempt, Closing, DeclineCode, GatewayError, PaymentStatus, UnsavedCalls};

/// What is known of a payment now.
#[derive(Debug)]
pub enum SettleOutcome {
    /// The customer paid exactly the requested amount.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// The customer paid another amount than requested. Keep the stock, and alert.
    WrongAmount {
        /// What was taken.
        charged: Money,
    },
    /// The gateway reports it as cancelled: proof that no money moved or can still move.
    Voided {
        /// Why it was declined before, if it was.
        decline_code: Option<DeclineCode>,
    },
    /// No reference is stored. Closing the attempt proves that no money moved or can still move.
    NeverPrepared,
    /// It can't be settled now. Keep the stock, and look again later.
    Later(LaterCause),
    /// Another worker has closed the attempt. Read the order again.
    Superseded,
}

/// Why a payment can't be settled now.
#[derive(Debug, thiserror::Error)]
pub enum LaterCause {
    /// It waits for the customer or the bank, and either the gateway does not allow cancelling it or the policy does
    /// not.
    #[error("the payment is pending at the gateway: {0:?}")]
    Pending(PaymentStatus),
    /// The gateway did not answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The attempt belongs to a gateway that this program is not configured for.
    #[error("the attempt belongs to the gateway {0}")]
    OtherGateway(String),
    /// The attempt was made before this database was copied. Only an operator can decide that this database may settle
    /// it.
    #[error(
        "the payment was inherited from the database that this one was copied from; see `oms-api installation`"
    )]
    Inherited,
    /// The attempt or the refund is in a state that only a newer version of the program knows.
    #[error("the payment is in the state {0}, which only a newer version of the program knows")]
    Newer(&'static str),
    /// The gateway has a refund with this refund's ID but another amount.
    #[error("the gateway's refund has another amount: {amount:?}")]
    OtherRefund {
        /// The amount of the gateway's refund.
        amount: Money,
    },
}

impl SettleOutcome {
    /// The closing that this outcome allows; `None` while the attempt must stay open.
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

    /// Like [`closing`](Self::closing), but accepts whatever amount the gateway charged: for an operator who accepts
    /// it, and for refunding all of it. `None` for money in another currency than the attempt's, and for no money at
    /// all.
    pub fn accept_charged_amount(&self, attempt: &Attempt) -> Option<Closing> {
        let Self::WrongAmount { charged } = self else {
            return self.closing();
        };
        let closing = Closing::Paid { captured: *charged };
        attempt.can_hold(*charged).then_some(closing)
    }
}

/// What is known of a payment, and the calls that revealed it.
#[derive(Debug)]
#[must_use = "an outcome with a closing changes nothing until the attempt is closed"]
pub struct Settled {
    /// What is known of the payment.
    pub outcome: SettleOutcome,
    /// Calls that are not in the history yet; empty unless the outcome has a closing.
    pub calls: UnsavedCalls,
}

impl Settled {
    /// Like [`SettleOutcome::closing`].
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
    fn another_amount_is_accepted_only_on_request_and_only_in_the_same_currency() {
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
