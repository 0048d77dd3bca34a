//! Collecting the payment of an order, once, with no database connection held while the gateway is asked.

use std::error::Error;

use oms_database::{Database, DbError};
use oms_validation::{Money, TenantId};

use crate::store::attempts;
use crate::{
    Attempt, AttemptId, Closing, DeclineCode, Effect, GatewayError, GatewayFault, Operation,
    OperationKey, PaymentError, PaymentGateway, PaymentMethod, PaymentStatus, PrepareRequest,
    Reference,
};

/// What became of a payment.
#[derive(Debug)]
pub enum CollectOutcome {
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
    /// A definite no.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// The customer or the bank has yet to do something.
    Pending,
    /// Not known. The gateway's reference is stored, and settling finds out.
    Unknown,
    /// A step before the one that takes the money went wrong: none moved, or can still move once the attempt is closed.
    NotStarted {
        /// What went wrong.
        error: PaymentError,
        /// The closing for which that is the proof.
        closing: Closing,
    },
    /// Somebody else has taken the attempt over or closed it. Read the order again.
    Superseded,
}

impl CollectOutcome {
    /// How the attempt may be closed now; none while it has to stay open.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Self::Paid { .. } => Some(Closing::Paid),
            Self::Declined { code } => Some(Closing::Declined(code.clone())),
            Self::NotStarted { closing, .. } => Some(closing.clone()),
            Self::WrongAmount { .. } | Self::Pending | Self::Unknown | Self::Superseded => None,
        }
    }
}

/// Collects the payment of an attempt that was just recorded. Run it once for each attempt, in a task that does not end
/// with the client's request; it does not close the attempt.
///
/// The reference is stored before the one call that takes money, by a compare-and-set: whoever closes an attempt that
/// has none knows that this call will never be made.
pub async fn collect_payment(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    method: &PaymentMethod,
) -> CollectOutcome {
    let reference = match gateway
        .prepare(&PrepareRequest::of(tenant_id, attempt))
        .await
    {
        Ok(reference) => reference,
        Err(error) => return never_prepared(error.into()),
    };
    match store_reference(database, tenant_id, attempt.id, &reference).await {
        Ok(true) => {}
        Ok(false) => return CollectOutcome::Superseded,
        // If it was stored after all, the closing won't match, and settling cancels the payment.
        Err(error) => return never_prepared(error.into()),
    }
    oms_failpoints::reached("payments.prepared");
    let key = OperationKey::new(attempt.order_id, Operation::Confirm, attempt.number);
    match gateway.confirm(&reference, method, &key).await {
        Ok(status) => of_status(attempt.amount, status),
        Err(error) if error.effect() == Effect::DidNotHappen => CollectOutcome::NotStarted {
            error: error.into(),
            closing: Closing::Voided,
        },
        Err(error) => read_back(gateway, attempt.amount, &reference, &error).await,
    }
}

fn never_prepared(error: PaymentError) -> CollectOutcome {
    CollectOutcome::NotStarted {
        error,
        closing: Closing::NeverPrepared,
    }
}

async fn store_reference(
    database: &Database,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    reference: &Reference,
) -> Result<bool, DbError> {
    let mut connection = database.acquire().await?;
    attempts::store_reference(&mut connection, tenant_id, attempt_id, reference).await
}

/// One look at a payment whose confirmation brought no answer. After a time-out even that is not worth the customer's
/// waiting: the gateway is slow, and may not have seen the confirmation yet.
async fn read_back(
    gateway: &dyn PaymentGateway,
    expected: Money,
    reference: &Reference,
    error: &GatewayError,
) -> CollectOutcome {
    tracing::warn!(%reference, cause = error as &dyn Error, "the outcome of a payment is not known");
    if *error.fault() == GatewayFault::TimedOut {
        return CollectOutcome::Unknown;
    }
    match gateway.lookup(reference).await {
        Ok(status) => of_status(expected, status),
        Err(_) => CollectOutcome::Unknown,
    }
}

/// What the status of a payment means to the one who confirmed it.
fn of_status(expected: Money, status: PaymentStatus) -> CollectOutcome {
    match status {
        PaymentStatus::Paid { amount } if amount == expected => CollectOutcome::Paid { amount },
        PaymentStatus::Paid { amount } => CollectOutcome::WrongAmount { charged: amount },
        // There is only one confirmation, so that the decline is its answer.
        PaymentStatus::Declined { code } => CollectOutcome::Declined { code },
        PaymentStatus::NeedsAction | PaymentStatus::Processing | PaymentStatus::Authorised => {
            CollectOutcome::Pending
        }
        // Our confirmation may still be on its way.
        PaymentStatus::NotConfirmed => CollectOutcome::Unknown,
        // Nobody cancels but those who settle.
        PaymentStatus::Cancelled => CollectOutcome::Superseded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oms_validation::Currency;

    fn usd(amount_minor: i64) -> Money {
        let currency = Currency::parse("USD").unwrap();
        Money {
            amount_minor,
            currency,
        }
    }

    fn closing(status: PaymentStatus) -> Option<Closing> {
        of_status(usd(2000), status).closing()
    }

    #[test]
    fn only_the_right_amount_closes_an_attempt_as_paid() {
        let paid = |amount| PaymentStatus::Paid { amount };
        assert_eq!(closing(paid(usd(2000))), Some(Closing::Paid));
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(2000)
        };
        for amount in [usd(1999), usd(2001), usd(0), eur] {
            assert_eq!(closing(paid(amount)), None, "{amount:?}");
            let outcome = of_status(usd(2000), paid(amount));
            assert!(
                matches!(outcome, CollectOutcome::WrongAmount { charged } if charged == amount)
            );
        }
    }

    #[test]
    fn only_a_definite_answer_closes_an_attempt() {
        let code = DeclineCode::new("expired_card");
        let declined = PaymentStatus::Declined { code: code.clone() };
        assert_eq!(closing(declined), Some(Closing::Declined(code)));
        for status in [
            PaymentStatus::NotConfirmed,
            PaymentStatus::NeedsAction,
            PaymentStatus::Processing,
            PaymentStatus::Authorised,
            PaymentStatus::Cancelled,
        ] {
            assert_eq!(closing(status.clone()), None, "{status:?}");
        }
    }
}
