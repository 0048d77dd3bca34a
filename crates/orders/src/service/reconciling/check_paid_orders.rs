//! Compares our paid orders with the gateway's books: looks up the payment of each order whose charge was not seen.

use oms_payments::{
    GatewayError, GatewayFault, PaymentError, PaymentStatus, Reference, find_payment,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::domain::suspicion::judge_payment;
use crate::error::OrderError;
use crate::service::reconciling::check_charge::{ChargeCheck, corrected, write_down};
use crate::service::reconciling::walk::{Going, Walk};
use crate::store::paid_orders;

/// Number of orders per read.
const PAGE: usize = 200;

/// Checks a tenant's paid orders of a window whose charge was not seen.
pub(super) async fn check_paid_orders(
    context: &OrderContext,
    tenant: TenantId,
    window: &ReconcileWindow,
    walk: &mut Walk<'_>,
) -> Result<Going, OrderError> {
    let mut after = None;
    loop {
        let mut connection = context.database.acquire().await?;
        let page = paid_orders::list(&mut connection, tenant, window, after, PAGE).await?;
        drop(connection);
        for order_id in &page {
            if walk.has_seen(*order_id) {
                continue;
            }
            walk.count_order();
            let check = check_paid_order(context, tenant, *order_id).await?;
            if walk.checked(tenant, check).await? == Going::Stop {
                return Ok(Going::Stop);
            }
        }
        after = page.last().copied();
        if page.len() < PAGE {
            return Ok(Going::On);
        }
    }
}

/// The order was paid before its payment is looked up. Writing a finding checks that it still is.
async fn check_paid_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<ChargeCheck, OrderError> {
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    let gateway = context.gateway.name();
    let attempt = attempt.filter(|attempt| attempt.gateway == gateway);
    let Some((attempt, reference)) = attempt.and_then(|it| Some((it.clone(), it.reference?)))
    else {
        return Ok(ChargeCheck::Fine);
    };
    let before = corrected(context, tenant, reference.as_str()).await?;
    let status = look_up(context, &reference)
        .await
        .map_err(PaymentError::from)?;
    match judge_payment(&attempt, &reference, status.as_ref()) {
        Some(suspicion) => write_down(context, tenant, &suspicion, &before).await,
        None => Ok(ChargeCheck::Fine),
    }
}

/// Returns `None` if the gateway reports that the payment does not exist.
async fn look_up(
    context: &OrderContext,
    reference: &Reference,
) -> Result<Option<PaymentStatus>, GatewayError> {
    match context.gateway.lookup(reference).await {
        Ok(answered) => Ok(Some(answered.value)),
        Err(error) if is_missing(error.fault()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(fault: &GatewayFault) -> bool {
    match fault {
        GatewayFault::Rejected { status, code, .. } => {
            *status == 404 && code.as_deref() == Some("resource_missing")
        }
        _ => false,
    }
}
