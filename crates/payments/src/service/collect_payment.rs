//! Collecting the payment of an order, once, with no database connection held while the gateway is asked.

use std::error::Error;

use oms_database::DbError;
use oms_validation::{Money, TenantId};

use super::recorded_gateway::RecordedGateway;
use crate::{
    Attempt, AttemptState, Closing, DeclineCode, Effect, GatewayError, GatewayFault, Operation,
    OperationKey, PaymentBatches, PaymentError, PaymentGateway, PaymentInstruction, PaymentStatus,
    PrepareRequest, Reference, UnsavedCalls,
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
            Self::Paid { amount } => Some(Closing::Paid { captured: *amount }),
            Self::Declined { code } => Some(Closing::Declined(code.clone())),
            Self::NotStarted { closing, .. } => Some(closing.clone()),
            Self::WrongAmount { .. } | Self::Pending | Self::Unknown | Self::Superseded => None,
        }
    }
}

/// What became of a payment, and the calls by which it was learnt.
#[derive(Debug)]
#[must_use = "an outcome with a closing changes nothing until the attempt is closed"]
pub struct Collected {
    /// What became of the payment.
    pub outcome: CollectOutcome,
    /// What is not in the history yet. Nothing, where the outcome has no closing.
    pub calls: UnsavedCalls,
}

impl Collected {
    /// As [`CollectOutcome::closing`].
    pub fn closing(&self) -> Option<Closing> {
        self.outcome.closing()
    }
}

/// Collects the payment of an attempt that was just recorded, in the name of `actor`. Run it once for each attempt, in a task that does not end
/// with the client's request; it does not close the attempt.
///
/// The reference is stored before the one call that takes money, by a compare-and-set: whoever closes an attempt that
/// has none knows that this call will never be made.
pub async fn collect_payment(
    batches: &PaymentBatches,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    instruction: &PaymentInstruction,
    actor: &str,
) -> Collected {
    let database = &batches.database;
    let mut gateway = RecordedGateway::new(gateway, attempt, actor);
    let outcome = match send(batches, &mut gateway, tenant_id, attempt, instruction).await {
        Ok(reference) => {
            let confirmed = confirm(&mut gateway, attempt, &reference, instruction).await;
            if confirmed.outcome.closing().is_none() {
                // A sweeper that could not reach the gateway may have come by.
                let from = &[AttemptState::Sent, AttemptState::Unknown];
                let heard = confirmed.heard;
                gateway.observe(database, tenant_id, from, heard).await;
            }
            confirmed.outcome
        }
        Err(outcome) => outcome,
    };
    Collected {
        outcome,
        calls: gateway.take_calls(),
    }
}

/// Prepares the payment and stores its reference. Without that nothing is confirmed.
async fn send(
    batches: &PaymentBatches,
    gateway: &mut RecordedGateway<'_>,
    tenant_id: TenantId,
    attempt: &Attempt,
    instruction: &PaymentInstruction,
) -> Result<Reference, CollectOutcome> {
    let allows_redirects = instruction.return_url.is_some();
    let request = PrepareRequest::of(tenant_id, attempt).allowing_redirects(allows_redirects);
    let prepared = gateway.prepare(&request).await;
    let reference = prepared.map_err(|error| never_prepared(error.into()))?;
    let calls = gateway.take_calls();
    let stored = batches.store_reference(tenant_id, attempt.id, &reference, &calls);
    match stored.await {
        Ok(true) => {
            oms_failpoints::reached("payments.prepared");
            Ok(reference)
        }
        Ok(false) => Err(CollectOutcome::Superseded),
        // If it was stored after all, the closing won't match, and settling cancels the payment.
        Err(error) => {
            gateway.give_back(calls);
            Err(never_prepared(DbError::into(error)))
        }
    }
}

fn never_prepared(error: PaymentError) -> CollectOutcome {
    CollectOutcome::NotStarted {
        error,
        closing: Closing::NeverPrepared,
    }
}

/// What became of a confirmation, and what it makes of an attempt that stays open.
struct Confirmed {
    outcome: CollectOutcome,
    heard: Option<AttemptState>,
}

impl Confirmed {
    const UNKNOWN: Self = Self {
        outcome: CollectOutcome::Unknown,
        heard: Some(AttemptState::Unknown),
    };
}

async fn confirm(
    gateway: &mut RecordedGateway<'_>,
    attempt: &Attempt,
    reference: &Reference,
    instruction: &PaymentInstruction,
) -> Confirmed {
    let key = OperationKey::new(attempt.order_id, Operation::Confirm, attempt.number);
    match gateway.confirm(reference, instruction, &key).await {
        Ok(status) => of_status(attempt.amount, status),
        Err(error) if error.effect() == Effect::DidNotHappen => Confirmed {
            outcome: CollectOutcome::NotStarted {
                error: error.into(),
                closing: Closing::Voided,
            },
            heard: None,
        },
        Err(error) => read_back(gateway, attempt.amount, reference, &error).await,
    }
}

/// One look at a payment whose confirmation brought no answer. After a time-out even that is not worth the customer's
/// waiting: the gateway is slow, and may not have seen the confirmation yet.
async fn read_back(
    gateway: &mut RecordedGateway<'_>,
    expected: Money,
    reference: &Reference,
    error: &GatewayError,
) -> Confirmed {
    tracing::warn!(%reference, cause = error as &dyn Error, "the outcome of a payment is not known");
    if *error.fault() == GatewayFault::TimedOut {
        return Confirmed::UNKNOWN;
    }
    match gateway.lookup(reference).await {
        Ok(status) => of_status(expected, status),
        Err(_) => Confirmed::UNKNOWN,
    }
}

/// What the status of a payment means to the one who confirmed it.
fn of_status(expected: Money, status: PaymentStatus) -> Confirmed {
    let heard = AttemptState::heard(&status);
    let outcome = match status {
        PaymentStatus::Paid { amount } if amount == expected => CollectOutcome::Paid { amount },
        PaymentStatus::Paid { amount } => CollectOutcome::WrongAmount { charged: amount },
        // There is only one confirmation, so that the decline is its answer.
        PaymentStatus::Declined { code } => CollectOutcome::Declined { code },
        PaymentStatus::NeedsAction | PaymentStatus::Processing | PaymentStatus::Authorised => {
            CollectOutcome::Pending
        }
        // Our confirmation may still be on its way.
        PaymentStatus::NotConfirmed => return Confirmed::UNKNOWN,
        // Nobody cancels but those who settle.
        PaymentStatus::Cancelled => CollectOutcome::Superseded,
    };
    Confirmed { outcome, heard }
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
        of_status(usd(2000), status).outcome.closing()
    }

    #[test]
    fn only_the_right_amount_closes_an_attempt_as_paid() {
        let paid = |amount| PaymentStatus::Paid { amount };
        let captured = usd(2000);
        assert_eq!(closing(paid(captured)), Some(Closing::Paid { captured }));
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(2000)
        };
        for amount in [usd(1999), usd(2001), usd(0), eur] {
            assert_eq!(closing(paid(amount)), None, "{amount:?}");
            let outcome = of_status(usd(2000), paid(amount)).outcome;
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

    #[test]
    fn what_was_heard_of_an_open_payment_is_written_down() {
        for (status, expected) in [
            (PaymentStatus::NeedsAction, Some(AttemptState::NeedsAction)),
            (PaymentStatus::Processing, Some(AttemptState::Processing)),
            (PaymentStatus::Authorised, Some(AttemptState::Authorised)),
            (PaymentStatus::NotConfirmed, Some(AttemptState::Unknown)),
            (PaymentStatus::Cancelled, None),
            (PaymentStatus::Paid { amount: usd(1) }, None),
        ] {
            let heard = of_status(usd(2000), status.clone()).heard;
            assert_eq!(heard, expected, "{status:?}");
        }
    }
}
