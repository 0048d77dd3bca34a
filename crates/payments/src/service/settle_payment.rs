//! Finding out what became of a payment whose attempt was left open, and making sure that nothing more becomes of it.

use oms_database::{Database, DbError};
use oms_validation::{Money, TenantId};

use crate::store::attempts;
use crate::{
    Attempt, AttemptState, Closing, DeclineCode, GatewayError, Operation, OperationKey,
    PaymentGateway, PaymentStatus, PrepareRequest, Reference,
};

/// What to do with a payment that waits for the customer or for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FencePolicy {
    /// Its time is not over: leave it.
    KeepPending,
    /// Its time is over: cancel it.
    CancelPending,
    /// Just look, because somebody may be confirming it at this moment: what is paid, cancelled or declined is settled,
    /// and everything else is left.
    Observe,
}

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
}

impl SettleOutcome {
    /// How the attempt may be closed now; none while it has to stay open.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Self::Paid { .. } => Some(Closing::Paid),
            Self::Voided {
                decline_code: Some(code),
            } => Some(Closing::Declined(code.clone())),
            Self::Voided { decline_code: None } => Some(Closing::Voided),
            Self::NeverPrepared => Some(Closing::NeverPrepared),
            Self::WrongAmount { .. } | Self::Later(_) | Self::Superseded => None,
        }
    }
}

/// Settles the payment of an attempt that was left open. Holds no connection while the gateway is asked, can be
/// repeated, and does not close the attempt.
///
/// Whoever still collects the payment meanwhile loses: either the reference can't be stored any more, or the payment is
/// cancelled, or it was paid before that and this says so. Only [`FencePolicy::Observe`] leaves them alone.
pub async fn settle_payment(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
) -> SettleOutcome {
    if attempt.gateway != gateway.name() {
        return SettleOutcome::Later(LaterCause::OtherGateway(attempt.gateway.clone()));
    }
    match (attempt.state, &attempt.reference) {
        (AttemptState::Prepared, Some(reference)) => {
            settle_prepared(gateway, attempt, reference, policy).await
        }
        (AttemptState::Created, _) if policy == FencePolicy::Observe => {
            SettleOutcome::Later(LaterCause::Pending(PaymentStatus::NotConfirmed))
        }
        (AttemptState::Created, _) => {
            settle_created(database, gateway, tenant_id, attempt, policy).await
        }
        _ => SettleOutcome::Superseded,
    }
}

/// Preparing again finds the payment that was prepared before, if any, so that it can be cancelled. Where that fails
/// nothing is lost: a payment without a stored reference is never confirmed.
async fn settle_created(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
) -> SettleOutcome {
    let reference = match gateway
        .prepare(&PrepareRequest::of(tenant_id, attempt))
        .await
    {
        Ok(reference) => reference,
        Err(error) => {
            tracing::debug!(%error, "settling a payment that the gateway can't name");
            return SettleOutcome::NeverPrepared;
        }
    };
    match store_or_reload(database, tenant_id, attempt, reference).await {
        Ok(Some(reference)) => settle_prepared(gateway, attempt, &reference, policy).await,
        Ok(None) => SettleOutcome::Superseded,
        Err(error) => SettleOutcome::Later(error.into()),
    }
}

/// The reference that is stored now, ours or another's; none when the attempt is closed.
async fn store_or_reload(
    database: &Database,
    tenant_id: TenantId,
    attempt: &Attempt,
    reference: Reference,
) -> Result<Option<Reference>, DbError> {
    let mut connection = database.acquire().await?;
    if attempts::store_reference(&mut connection, tenant_id, attempt.id, &reference).await? {
        return Ok(Some(reference));
    }
    let now = attempts::find_attempt(&mut connection, tenant_id, attempt.id).await?;
    let open = now.filter(|attempt| attempt.state.is_open());
    Ok(open.and_then(|attempt| attempt.reference))
}

async fn settle_prepared(
    gateway: &dyn PaymentGateway,
    attempt: &Attempt,
    reference: &Reference,
    policy: FencePolicy,
) -> SettleOutcome {
    let status = match gateway.lookup(reference).await {
        Ok(status) => status,
        Err(error) => return SettleOutcome::Later(error.into()),
    };
    let decline_code = match next_step(attempt.amount, status, policy) {
        Step::Done(outcome) => return outcome,
        Step::Fence { decline_code } => decline_code,
    };
    let key = OperationKey::unique(attempt.order_id, Operation::Cancel, attempt.number);
    match gateway.cancel(reference, &key).await {
        Ok(PaymentStatus::Cancelled) => SettleOutcome::Voided { decline_code },
        Ok(PaymentStatus::Paid { amount }) => paid(attempt.amount, amount),
        Ok(status) => SettleOutcome::Later(LaterCause::Pending(status)),
        Err(error) => SettleOutcome::Later(error.into()),
    }
}

/// What to do about a payment.
#[derive(Debug)]
enum Step {
    Done(SettleOutcome),
    Fence { decline_code: Option<DeclineCode> },
}

fn next_step(expected: Money, status: PaymentStatus, policy: FencePolicy) -> Step {
    match (status, policy) {
        (PaymentStatus::Paid { amount }, _) => Step::Done(paid(expected, amount)),
        (PaymentStatus::Cancelled, _) => Step::Done(SettleOutcome::Voided { decline_code: None }),
        // A confirmation may still be on its way.
        (PaymentStatus::NotConfirmed, FencePolicy::KeepPending | FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        (PaymentStatus::Declined { code }, _) => Step::Fence {
            decline_code: Some(code),
        },
        (PaymentStatus::NeedsAction | PaymentStatus::Authorised, FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        // What the bank is working on can't be called back.
        (status @ PaymentStatus::Processing, _)
        | (
            status @ (PaymentStatus::NeedsAction | PaymentStatus::Authorised),
            FencePolicy::KeepPending | FencePolicy::Observe,
        )
        | (status @ PaymentStatus::NotConfirmed, FencePolicy::Observe) => {
            Step::Done(SettleOutcome::Later(LaterCause::Pending(status)))
        }
    }
}

fn paid(expected: Money, amount: Money) -> SettleOutcome {
    if amount == expected {
        SettleOutcome::Paid { amount }
    } else {
        SettleOutcome::WrongAmount { charged: amount }
    }
}

#[cfg(test)]
mod tests {
    use super::FencePolicy::{CancelPending, KeepPending, Observe};
    use super::*;
    use oms_validation::Currency;

    fn usd(amount_minor: i64) -> Money {
        let currency = Currency::parse("USD").unwrap();
        Money {
            amount_minor,
            currency,
        }
    }

    fn step(status: PaymentStatus, policy: FencePolicy) -> Step {
        next_step(usd(2000), status, policy)
    }

    #[test]
    fn the_wrong_amount_never_closes_an_attempt() {
        for policy in [KeepPending, CancelPending, Observe] {
            let right = PaymentStatus::Paid { amount: usd(2000) };
            let Step::Done(outcome) = step(right, policy) else {
                panic!("a payment is no reason to cancel");
            };
            assert_eq!(outcome.closing(), Some(Closing::Paid));

            let wrong = PaymentStatus::Paid { amount: usd(1) };
            let Step::Done(outcome) = step(wrong, policy) else {
                panic!("a payment is no reason to cancel");
            };
            assert!(matches!(outcome, SettleOutcome::WrongAmount { .. }));
            assert_eq!(outcome.closing(), None);
        }
    }

    #[test]
    fn what_could_still_be_confirmed_is_cancelled_before_anything_is_released() {
        let code = DeclineCode::new("expired_card");
        for policy in [KeepPending, CancelPending] {
            let unconfirmed = step(PaymentStatus::NotConfirmed, policy);
            assert!(matches!(unconfirmed, Step::Fence { decline_code: None }));
            let declined = step(PaymentStatus::Declined { code: code.clone() }, policy);
            assert!(matches!(declined, Step::Fence { decline_code: Some(found) } if found == code));
        }
    }

    #[test]
    fn only_a_cancelled_payment_is_voided_without_another_call() {
        let Step::Done(outcome) = step(PaymentStatus::Cancelled, KeepPending) else {
            panic!("it is cancelled already");
        };
        assert_eq!(outcome.closing(), Some(Closing::Voided));
    }

    #[test]
    fn a_customer_is_waited_for_until_the_time_is_over() {
        for status in [PaymentStatus::NeedsAction, PaymentStatus::Authorised] {
            let early = step(status.clone(), KeepPending);
            assert!(matches!(early, Step::Done(SettleOutcome::Later(_))));
            let late = step(status, CancelPending);
            assert!(matches!(late, Step::Fence { decline_code: None }));
        }
    }

    #[test]
    fn what_the_bank_is_working_on_is_waited_for_whatever_the_time() {
        for policy in [KeepPending, CancelPending, Observe] {
            let processing = step(PaymentStatus::Processing, policy);
            assert!(matches!(processing, Step::Done(SettleOutcome::Later(_))));
        }
    }

    #[test]
    fn who_observes_cancels_nothing_but_what_was_declined() {
        for status in [
            PaymentStatus::NotConfirmed,
            PaymentStatus::NeedsAction,
            PaymentStatus::Authorised,
        ] {
            let left = step(status, Observe);
            assert!(matches!(left, Step::Done(SettleOutcome::Later(_))));
        }
        let code = DeclineCode::new("expired_card");
        let declined = step(PaymentStatus::Declined { code: code.clone() }, Observe);
        assert!(matches!(declined, Step::Fence { decline_code: Some(found) } if found == code));
    }
}
