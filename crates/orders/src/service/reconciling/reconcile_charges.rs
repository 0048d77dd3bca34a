//! Reverse reconciliation: reads all charges of the gateway, whoever created them, then its events about refunds and
//! disputes of older charges, and then our paid orders whose charges were not among them. The gateway's lists are read
//! once for all tenants.

use oms_payments::{ListedCharge, PaymentError};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::domain::suspicion::Judgement;
use crate::error::OrderError;
use crate::service::reconciling::check_charge::{catch_up, confirm};
use crate::service::reconciling::check_paid_orders::check_paid_orders;
use crate::service::reconciling::check_reports::check_reports;
use crate::service::reconciling::compared_tenants::compared_tenants;
use crate::service::reconciling::judge_charges::{BooksState, judge_charges};
use crate::service::reconciling::lease::Lease;
use crate::service::reconciling::settle_due_findings::settle_due_findings;
use crate::service::reconciling::walk::{
    Going, ReconcileObserver, ReconcileSummary, Tenants, Walk,
};
use crate::store::findings;

/// Compares the gateway's charges within a window with the orders of every tenant. It may be repeated and run
/// concurrently: each difference is recorded once, with one alert.
///
/// A charge belongs to the tenant that its metadata names. A charge that names no tenant, or one that has no orders
/// here, is reported to `own`, the installation's own tenant.
///
/// # Errors
/// If the gateway's charges or the tenants can't be listed. What was recorded stays. A tenant that can't be compared
/// delays no other: see [`ReconcileSummary::failed`].
pub async fn reconcile_charges(
    context: &OrderContext,
    own: TenantId,
    window: &ReconcileWindow,
    observer: &dyn ReconcileObserver,
) -> Result<ReconcileSummary, OrderError> {
    let known = compared_tenants(context, own).await?;
    let tenants = Tenants {
        own,
        compared: known.clone(),
        known,
    };
    reconcile(context, &tenants, window, observer, None).await
}

/// Compares under a lease that is extended for as long as the comparison takes.
pub(super) async fn reconcile(
    context: &OrderContext,
    tenants: &Tenants,
    window: &ReconcileWindow,
    observer: &dyn ReconcileObserver,
    lease: Option<&Lease<'_>>,
) -> Result<ReconcileSummary, OrderError> {
    let mut walk = Walk::new(observer, lease);
    for (tenant, id) in settle_due_findings(context).await? {
        walk.settled(tenant, id);
    }
    let mut going = check_charges(context, tenants, window, &mut walk).await?;
    if going == Going::On {
        going = check_reports(context, tenants, window, &mut walk).await?;
    }
    for tenant in &tenants.compared {
        if going == Going::On {
            going = walk.going().await?;
        }
        if going == Going::On && !walk.has_failed(*tenant) {
            let checked = check_paid_orders(context, *tenant, window, &mut walk).await;
            going = walk.unless_failed(*tenant, checked);
        }
    }
    let mut summary = walk.summary;
    summary.finished = going == Going::On;
    let mut connection = context.database.acquire().await?;
    summary.open = findings::count_open(&mut connection).await?;
    Ok(summary)
}

async fn check_charges(
    context: &OrderContext,
    tenants: &Tenants,
    window: &ReconcileWindow,
    walk: &mut Walk<'_>,
) -> Result<Going, OrderError> {
    let (gateway, window) = (context.gateway.as_ref(), window.of_charges());
    let mut after = None;
    loop {
        let page = gateway.list_charges(&window, after.as_ref()).await;
        let page = page.map_err(PaymentError::from)?;
        walk.summary.charges += page.charges.len() as u64;
        for (tenant, charges) in tenants.distribute(page.charges) {
            if walk.has_failed(tenant) {
                continue;
            }
            let checked = check_charges_of(context, tenant, &charges, walk).await;
            if walk.unless_failed(tenant, checked) == Going::Stop {
                return Ok(Going::Stop);
            }
        }
        if walk.going().await? == Going::Stop {
            return Ok(Going::Stop);
        }
        after = page.next;
        if after.is_none() {
            return Ok(Going::On);
        }
    }
}

async fn check_charges_of(
    context: &OrderContext,
    tenant: TenantId,
    charges: &[ListedCharge],
    walk: &mut Walk<'_>,
) -> Result<Going, OrderError> {
    let judged = judge_charges(context, tenant, charges, BooksState::AsTheyAre).await?;
    for (judgement, charge) in judged.into_iter().zip(charges) {
        match judgement {
            Judgement::Fine => {}
            Judgement::Pays(order_id) => walk.see(order_id),
            Judgement::Behind(attempt) => {
                let check = catch_up(context, tenant, &charge.id, &attempt).await?;
                walk.see(attempt.order_id);
                if walk.checked(tenant, check).await? == Going::Stop {
                    return Ok(Going::Stop);
                }
            }
            Judgement::Suspicious(suspicion) => {
                let check = confirm(context, tenant, &suspicion).await?;
                if let Some((order_id, _)) = suspicion.order {
                    walk.see(order_id);
                }
                if walk.checked(tenant, check).await? == Going::Stop {
                    return Ok(Going::Stop);
                }
            }
        }
    }
    Ok(Going::On)
}
