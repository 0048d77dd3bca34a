//! Collecting the payment of an order, once. No database connection is held during calls to the gateway.

use std::error::Error;

use oms_database::DbError;
use oms_validation::{Money, TenantId};

use super::recorded_gateway::RecordedGateway;
use crate::{
    Attempt, AttemptState, Closing, DeclineCode, Effect, GatewayError, GatewayFault, Operation,
    OperationKey, PaymentBatches, PaymentError, PaymentGateway, PaymentInstruction, PaymentStatus,
    PrepareRequest, Reference, UnsavedCalls,
};

/// The outcome of a payment.
#[derive(Debug)]
pub enum CollectOutcome {
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
    /// Definitely declined.
    Declined {
        /// The reason.
        code: DeclineCode,
    },
    /// The payment waits for the customer or the bank.
    Pending,
    /// Unknown. The gateway's reference is stored, and settling finds the outcome.
    Unknown,
    /// A step before the one that takes money failed. No money moved, and none can move once the attempt is closed.
    NotStarted {
        /// What failed.
        error: PaymentError,
        /// The closing that this failure proves.
        closing: Closing,
    },
    /// Another worker has claimed or closed the attempt. Read the order again.
    Superseded,
}

impl CollectOutcome {
    /// The closing that this outcome allows; `None` while the attempt must stay open.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Self::Paid { amount } => Some(Closing::Paid { captured: *amount }),
            Self::Declined { code } => Some(Closing::Declined(code.clone())),
            Self::NotStarted { closing, .. } => Some(closing.clone()),
            Self::WrongAmount { .. } | Self::Pending | Self::Unknown | Self::Superseded => None,
        }
    }
}

/// The outcome of a payment, and the calls that revealed it.
#[derive(Debug)]
#[must_use = "an outcome with a closing changes nothing until the attempt is closed"]
pub struct Collected {
    /// The outcome of the payment.
    pub outcome: CollectOutcome,
    /// Calls that are not in the history yet; empty unless the outcome has a closing.
    pub calls: UnsavedCalls,
}

impl Collected {
    /// Like [`CollectOutcome::closing`].
    pub fn closing(&self) -> Option<Closing> {
        self.outcome.closing()
    }
}

/// Collects the payment of an attempt that was just recorded, in the name of `actor`. Run it once per attempt, in a
/// task that does not end with the client's request. It does not close the attempt.
///
/// The reference is stored by compare-and-set before the one call that takes money. So closing an attempt without a
/// reference ensures that this call is never made.
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
                // The sweeper may have recorded `Unknown` meanwhile, if it could not reach the gateway.
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

/// Prepares the payment and stores its reference. Nothing is confirmed unless both succeed.
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
        // If it was stored after all, the closing does not match, and settling cancels the payment.
        Err(error) => {
            gateway.put_back(calls);
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

/// The outcome of a confirmation, and the resulting state of an attempt that stays open.
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

/// Reads a payment once after its confirmation got no answer. After a time-out not even that, because the customer is
/// waiting: the gateway is slow, and may not have seen the confirmation yet.
async fn read_back(
    gateway: &mut RecordedGateway<'_>,
    expected: Money,
    reference: &Reference,
    error: &GatewayError,
) -> Confirmed {
    tracing::warn!(%reference, cause = error as &dyn Error, "the outcome of a payment is unknown");
    if *error.fault() == GatewayFault::TimedOut {
        return Confirmed::UNKNOWN;
    }
    match gateway.lookup(reference).await {
        Ok(status) => of_status(expected, status),
        Err(_) => Confirmed::UNKNOWN,
    }
}

/// Interprets the status of a payment for the caller that confirmed it.
fn of_status(expected: Money, status: PaymentStatus) -> Confirmed {
    let heard = AttemptState::heard(&status);
    let outcome = match status {
        PaymentStatus::Paid { amount } if amount == expected => CollectOutcome::Paid { amount },
        PaymentStatus::Paid { amount } => CollectOutcome::WrongAmount { charged: amount },
        // There is only one confirmation, so the decline is its answer.
        PaymentStatus::Declined { code } => CollectOutcome::Declined { code },
        PaymentStatus::NeedsAction | PaymentStatus::Processing | PaymentStatus::Authorised => {
            CollectOutcome::Pending
        }
        // Our confirmation may still be in flight.
        PaymentStatus::NotConfirmed => return Confirmed::UNKNOWN,
        // Only settling cancels payments.
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
    fn the_observed_state_of_an_open_payment_is_recorded() {
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
