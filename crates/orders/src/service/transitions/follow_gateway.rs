//! Brings our books of one payment up to date with the gateway's: refunds made there without us, failed refunds, and
//! disputes. Called whenever they may differ: after a webhook, by the comparison of charges, and before a refund.

use oms_payments::{Attempt, PaymentError};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::book_reported::{Followed, GoesOn, Listed, book_reported};
use crate::service::transitions::patience::Patience;
use crate::store::orders;

/// Maximum number of reads if the order keeps changing.
const READS: usize = 3;

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The refunds, which takes one call.
    Refunds,
    /// The disputes too, which takes a second call.
    RefundsAndDisputes,
}

/// Reads the payment at the gateway, and books what happened there. A reading that is older than our books is not used:
/// if the order changed after the reading began, the payment is read again.
///
/// # Errors
/// If the gateway or the database can't be reached.
pub(crate) async fn follow_gateway(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    reach: Reach,
    goes_on: GoesOn,
) -> Result<Followed, OrderError> {
    if attempt.gateway != context.gateway.name() {
        return Ok(Followed::Unchanged);
    }
    for _ in 0..READS {
        if let Some(followed) = follow_once(context, tenant, attempt, reach, goes_on).await? {
            return Ok(followed);
        }
    }
    Ok(Followed::Overtaken)
}

/// Like [`follow_gateway`], for callers that continue even if it fails.
pub(crate) async fn try_to_follow(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    reach: Reach,
) -> Followed {
    let followed = follow_gateway(context, tenant, attempt, reach, GoesOn::Caller).await;
    followed.unwrap_or_else(|error| {
        let (order_id, cause): (_, &dyn std::error::Error) = (attempt.order_id, &error);
        tracing::warn!(%order_id, cause, "the refunds of a payment could not be read at the gateway");
        Followed::Unchanged
    })
}

/// Returns `None` if the order changed in the meantime.
async fn follow_once(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    reach: Reach,
    goes_on: GoesOn,
) -> Result<Option<Followed>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let seen = orders::find_version(&mut connection, tenant, attempt.order_id).await?;
    drop(connection);
    let Some(listed) = read(context, attempt, reach).await? else {
        return Ok(Some(Followed::Unchanged));
    };
    let mut patience = Patience::new(context, tenant, attempt.order_id.as_uuid());
    let followed = loop {
        let tried = patience.attempt(async |connection| {
            // Lock the order first, as everywhere.
            let status = orders::lock_status(connection, tenant, attempt.order_id).await?;
            let version = orders::find_version(connection, tenant, attempt.order_id).await?;
            match status {
                Some(status) if version == seen => {
                    book_reported(
                        context, connection, tenant, status, attempt, &listed, goes_on,
                    )
                    .await
                }
                _ => Err(Abort::LOST),
            }
        });
        if let Some(followed) = tried.await {
            break followed;
        }
    };
    unless_lost(followed)
}

/// Returns `None` if the gateway never had the payment.
async fn read(
    context: &OrderContext,
    attempt: &Attempt,
    reach: Reach,
) -> Result<Option<Listed>, OrderError> {
    let Some(reference) = &attempt.reference else {
        return Ok(None);
    };
    let gateway = context.gateway.as_ref();
    let refunds = gateway.list_refunds(reference).await;
    let refunds = refunds.map_err(PaymentError::from)?.value;
    let disputes = match reach {
        Reach::Refunds => Vec::new(),
        Reach::RefundsAndDisputes => {
            let disputes = gateway.list_disputes(reference).await;
            disputes.map_err(PaymentError::from)?.value
        }
    };
    Ok(Some(Listed { refunds, disputes }))
}
