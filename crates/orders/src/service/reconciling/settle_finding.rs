//! Corrects a finding: refunds what is left of its charge, or cancels its authorisation. It is done when the gateway
//! confirms that for the charge, read again; until then the finding stays open.
//!
//! Correcting it twice is harmless: it refunds everything that is left, and the gateway refunds no more than that.
//! Nothing is done about a payment without an attempt in this database, whatever the finding says.

use oms_database::transaction;
use oms_payments::{
    Attempt, ChargeId, GatewayError, GatewayFault, LaterCause, Operation, OperationKey,
    PaymentError, Reference, find_attempt_by_reference,
};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::actor::RECONCILER;
use crate::domain::backoff;
use crate::domain::finding::{Finding, FindingAction};
use crate::domain::id::FindingId;
use crate::domain::reason::cut;
use crate::domain::suspicion::{Left, left_of};
use crate::error::OrderError;
use crate::service::reconciling::end_finding::end_finding;
use crate::service::transitions::abort::unless_lost;
use crate::store::findings::{self, NextTry};

/// The result of one try.
enum Remedy {
    /// The gateway reports that nothing is left.
    Done(String),
    NotYet(String),
}

/// Corrects a finding that the caller has just recorded. Returns `true` if it was corrected.
pub(crate) async fn settle_new(
    context: &OrderContext,
    tenant: TenantId,
    id: FindingId,
) -> Result<bool, OrderError> {
    let mut connection = context.database.acquire().await?;
    let finding = findings::find(&mut connection, tenant, id).await?;
    drop(connection);
    match finding {
        Some(finding) if finding.action != FindingAction::None => {
            settle_finding(context, tenant, &finding).await
        }
        _ => Ok(false),
    }
}

/// Tries once to correct a finding that the caller has claimed. Returns `false` if it must be retried or needs an
/// operator.
///
/// # Errors
/// If the database can't be reached: the finding is retried when its lease ends.
pub(crate) async fn settle_finding(
    context: &OrderContext,
    tenant: TenantId,
    finding: &Finding,
) -> Result<bool, OrderError> {
    let Some(charge) = &finding.charge else {
        return Ok(false);
    };
    let attempt = find_attempt(context, tenant, finding).await?;
    let Some((attempt, payment)) = attempt.and_then(|it| Some((it.clone(), it.reference?))) else {
        let why = "not settled: this database has no attempt of the payment";
        return leave(context, tenant, finding, NextTry::Never, why).await;
    };
    if attempt.is_inherited {
        let next = NextTry::AfterNoTry(context.settings.sweep_backoff.1);
        return leave(
            context,
            tenant,
            finding,
            next,
            &LaterCause::Inherited.to_string(),
        )
        .await;
    }
    let (why, no_try) = match correct(context, finding, charge, &payment).await {
        Ok(Remedy::Done(note)) => {
            let mut connection = context.database.acquire().await?;
            let now = context.now();
            let ended = transaction(&mut connection, async |connection| {
                end_finding::<OrderError>(connection, tenant, now, finding, RECONCILER, &note).await
            });
            let ended = unless_lost(ended.await)?.is_some();
            if ended {
                tracing::info!(finding_id = %finding.id, note, "a finding was corrected");
            }
            return Ok(ended);
        }
        Ok(Remedy::NotYet(why)) => (why, false),
        Err(error) => {
            let refused = *error.fault() == GatewayFault::BreakerOpen;
            (PaymentError::from(error).to_string(), refused)
        }
    };
    let (base, cap) = context.settings.sweep_backoff;
    let delay = backoff::delay(base, cap, finding.lease.tries, rand::random());
    let next = match finding.lease.tries >= context.settings.sweep_max_tries {
        _ if no_try => NextTry::AfterNoTry(delay),
        true => NextTry::Never,
        false => NextTry::After(delay),
    };
    tracing::warn!(finding_id = %finding.id, reason = why, tries = finding.lease.tries, "a finding can't be corrected yet");
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    findings::postpone(&mut connection, tenant, now, finding, next, &cut(&why)).await?;
    Ok(false)
}

/// This database's attempt of the finding's payment. It may have none, if an older version trusted what the charge
/// names.
async fn find_attempt(
    context: &OrderContext,
    tenant: TenantId,
    finding: &Finding,
) -> Result<Option<Attempt>, OrderError> {
    let Some(reference) = &finding.payment else {
        return Ok(None);
    };
    let mut connection = context.database.acquire().await?;
    let gateway = context.gateway.name();
    Ok(find_attempt_by_reference(&mut connection, tenant, gateway, reference).await?)
}

async fn leave(
    context: &OrderContext,
    tenant: TenantId,
    finding: &Finding,
    next: NextTry,
    why: &str,
) -> Result<bool, OrderError> {
    tracing::warn!(finding_id = %finding.id, reason = why, "a finding needs an operator");
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    findings::postpone(&mut connection, tenant, now, finding, next, &cut(why)).await?;
    Ok(false)
}

async fn correct(
    context: &OrderContext,
    finding: &Finding,
    id: &ChargeId,
    payment: &Reference,
) -> Result<Remedy, GatewayError> {
    let gateway = context.gateway.as_ref();
    let charge = gateway.find_charge(id).await?;
    let Some(charge) = charge.filter(|charge| charge.reference.as_ref() == Some(payment)) else {
        return Ok(Remedy::NotYet(
            "the gateway does not know the charge".to_owned(),
        ));
    };
    let done = match left_of(&charge) {
        Left::NeverAny | Left::NoMore => {
            return Ok(Remedy::Done("nothing was left of the charge".to_owned()));
        }
        Left::Money(_) if charge.disputed => {
            return Ok(Remedy::NotYet(
                "the customer disputes the charge".to_owned(),
            ));
        }
        Left::Money(left) => {
            let key = refund_key(finding, id);
            gateway.refund_charge(id, left, &key).await?;
            format!("refunded {left}")
        }
        Left::Reserved(_) => {
            let key = OperationKey::unique_of_charge(id, Operation::Cancel);
            gateway.cancel(payment, &key).await?;
            "cancelled the authorisation".to_owned()
        }
    };
    Ok(match gateway.find_charge(id).await?.as_ref().map(left_of) {
        Some(Left::NeverAny | Left::NoMore) => Remedy::Done(done),
        Some(Left::Money(_) | Left::Reserved(_)) | None => {
            Remedy::NotYet("the gateway has accepted the request but not finished it".to_owned())
        }
    })
}

/// The first try uses the charge's own key. Later tries use unique keys, because the gateway repeats its first answer
/// to a key, even a failure.
fn refund_key(finding: &Finding, id: &ChargeId) -> OperationKey {
    match finding.lease.tries {
        0 | 1 => OperationKey::of_charge(id, Operation::RefundCharge),
        _ => OperationKey::unique_of_charge(id, Operation::RefundCharge),
    }
}
