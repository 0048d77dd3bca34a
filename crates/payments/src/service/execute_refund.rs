//! Having the gateway refund money, once. No database connection is held during calls.

use std::error::Error;

use oms_database::Database;
use oms_validation::TenantId;

use super::find_payment::count_left;
use super::recorded_gateway::{RecordedGateway, save_calls};
use crate::store::refunds;
use crate::{
    Asked, Attempt, GatewayError, GatewayFault, LaterCause, Operation, OperationKey,
    PaymentGateway, Reference, Refund, RefundEnd, RefundFailure, RefundOutcome, RefundRequest,
    RefundState,
};

/// The outcome of a refund.
#[derive(Debug)]
pub enum RefundResult {
    /// The money was refunded.
    Refunded,
    /// The gateway accepted the refund, but it waits for the bank or the customer. Read it again later.
    Pending,
    /// Definitely rejected: the money is still ours.
    Failed {
        /// The reason.
        code: RefundFailure,
    },
    /// Unknown, or not done yet. Execute it again later: that reads the refund before requesting it again.
    Later(LaterCause),
}

impl RefundResult {
    /// The end that this result allows; `None` while the refund must stay pending.
    pub fn end(&self) -> Option<RefundEnd> {
        match self {
            Self::Refunded => Some(RefundEnd::Refunded),
            Self::Failed { code } => Some(RefundEnd::Failed(code.clone())),
            Self::Pending | Self::Later(_) => None,
        }
    }
}

/// What the gateway says of one refund.
enum Said {
    Outcome(RefundOutcome),
    /// The gateway has no such refund, and will not accept this request.
    Refused(RefundFailure),
}

/// Has the gateway refund the money of a refund that was begun, in the name of `actor`. It can be repeated, also
/// concurrently: the money is refunded once. It does not end the refund.
///
/// Every try after the first reads the gateway's list first, because the gateway may answer a repeated key with its
/// first failure. A refund that is not on the list is requested again: part of a payment with the same key, so that an
/// earlier request that is still in flight is not doubled; the rest of it with a new key, because the gateway never
/// refunds more than it took.
pub async fn execute_refund(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    refund: &Refund,
    attempt: &Attempt,
    actor: &str,
) -> RefundResult {
    if attempt.gateway != gateway.name() {
        return RefundResult::Later(LaterCause::OtherGateway(attempt.gateway.clone()));
    }
    if let RefundState::Other(state) = refund.state {
        return RefundResult::Later(LaterCause::Newer(state));
    }
    let reference = attempt.reference.as_ref();
    let reference = reference.expect("nothing is paid without a reference: the database checks it");
    let key = key(database, gateway, tenant_id, refund).await;
    let mut gateway = RecordedGateway::new(gateway, attempt, actor);
    let said = match attempt.is_inherited {
        true => find(&mut gateway, refund, reference).await,
        false => ask(&mut gateway, refund, reference, key).await.map(Some),
    };
    let named = match &said {
        Ok(Some(Said::Outcome(outcome))) => outcome.refund().map(|(reference, _)| reference),
        _ => None,
    };
    keep(database, tenant_id, &mut gateway, refund, named).await;
    match said {
        Ok(Some(said)) => judge(refund, said),
        Ok(None) => RefundResult::Later(LaterCause::Inherited),
        Err(error) => RefundResult::Later(error.into()),
    }
}

/// Only reads: the database that this one was copied from may be making the refund.
async fn find(
    gateway: &mut RecordedGateway<'_>,
    refund: &Refund,
    reference: &Reference,
) -> Result<Option<Said>, GatewayError> {
    let found = gateway.find_refund(reference, refund.id).await?;
    Ok(found.map(Said::Outcome))
}

async fn ask(
    gateway: &mut RecordedGateway<'_>,
    refund: &Refund,
    reference: &Reference,
    key: OperationKey,
) -> Result<Said, GatewayError> {
    if refund.asked == Asked::Perhaps {
        let found = gateway.find_refund(reference, refund.id).await?;
        if let Some(outcome) = found {
            return Ok(Said::Outcome(outcome));
        }
    }
    let request = RefundRequest::of(reference, refund);
    let refused = match gateway.refund(&request, &key).await {
        Ok(RefundOutcome::AlreadyRefunded) => None,
        Ok(outcome) => return Ok(Said::Outcome(outcome)),
        Err(error) => Some(definite_refusal(error)?),
    };
    // An earlier request for this same refund may be the reason that nothing is left to refund.
    let found = gateway.find_refund(reference, refund.id).await?;
    Ok(match (found, refused) {
        (Some(outcome), _) => Said::Outcome(outcome),
        (None, Some(code)) => Said::Refused(code),
        (None, None) => Said::Outcome(RefundOutcome::AlreadyRefunded),
    })
}

async fn key(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    refund: &Refund,
) -> OperationKey {
    let (order_id, number) = (refund.order_id, refund.number);
    match refund.asked {
        Asked::Perhaps if leaves_nothing(database, gateway, tenant_id, refund).await => {
            OperationKey::unique(order_id, Operation::Refund, number)
        }
        Asked::Never | Asked::Perhaps => OperationKey::new(order_id, Operation::Refund, number),
    }
}

/// Whether nothing is left besides this refund. Counted now, because another refund may have failed since this one was
/// begun. If that can't be counted, something may be left.
async fn leaves_nothing(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    refund: &Refund,
) -> bool {
    let counted = async {
        let mut connection = database.acquire().await?;
        count_left(&mut connection, tenant_id, refund.order_id).await
    };
    let left = counted.await.ok().flatten();
    left.is_some_and(|left| gateway.step(left.currency).is_nothing(left.amount_minor))
}

/// Returns the gateway's reason if another request would be rejected as well, for example because the payment is
/// disputed. A key may be granted access later, and a balance that is too low may rise.
/// <https://docs.stripe.com/error-codes>
fn definite_refusal(error: GatewayError) -> Result<RefundFailure, GatewayError> {
    match error.fault() {
        GatewayFault::Rejected {
            status: 400 | 402 | 404,
            code,
            ..
        } if !matches!(
            code.as_deref(),
            Some("balance_insufficient" | "insufficient_funds")
        ) =>
        {
            Ok(RefundFailure::new(code.as_deref().unwrap_or("refused")))
        }
        _ => Err(error),
    }
}

fn judge(refund: &Refund, said: Said) -> RefundResult {
    let outcome = match said {
        Said::Outcome(outcome) => outcome,
        Said::Refused(code) => return RefundResult::Failed { code },
    };
    if let Some((_, amount)) = outcome.refund()
        && amount != refund.amount
    {
        return RefundResult::Later(LaterCause::OtherRefund { amount });
    }
    match outcome {
        RefundOutcome::Refunded { .. } => RefundResult::Refunded,
        RefundOutcome::Pending { .. } => RefundResult::Pending,
        RefundOutcome::Failed { code, .. } => RefundResult::Failed { code },
        // The money was refunded at the gateway itself: by another refund, not this one.
        RefundOutcome::AlreadyRefunded => RefundResult::Failed {
            code: RefundFailure::new("charge_already_refunded"),
        },
    }
}

/// Stores the gateway's name for the refund, and the calls. A failure is logged and changes nothing else: the refund
/// can still be found by its own ID.
async fn keep(
    database: &Database,
    tenant_id: TenantId,
    gateway: &mut RecordedGateway<'_>,
    refund: &Refund,
    named: Option<&Reference>,
) {
    let calls = gateway.take_calls();
    let Some(reference) = named else {
        return save_calls(database, tenant_id, &calls).await;
    };
    let kept = async {
        let mut connection = database.acquire().await?;
        refunds::store_reference(&mut connection, tenant_id, refund.id, reference, &calls).await
    };
    if let Err(error) = kept.await {
        let (order_id, cause): (_, &dyn Error) = (refund.order_id, &error);
        tracing::warn!(%order_id, cause, "could not store the gateway's name for a refund");
    }
}
