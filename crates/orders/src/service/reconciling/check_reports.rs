//! Books refunds and disputes that no webhook delivered. The gateway's list of events names the payments that something
//! happened to, however old they are.

use std::collections::HashSet;

use oms_payments::{
    GatewayEventId, PaymentError, Reference, Report, find_attempts_by_references, find_known_events,
};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::error::OrderError;
use crate::service::reconciling::walk::{Going, Tenants, Walk};
use crate::service::transitions::book_reported::GoesOn;
use crate::service::transitions::follow_gateway::{Reach, follow_gateway};

/// Books what the gateway reported within a window and no webhook delivered.
pub(super) async fn check_reports(
    context: &OrderContext,
    tenants: &Tenants,
    window: &ReconcileWindow,
    walk: &mut Walk<'_>,
) -> Result<Going, OrderError> {
    let (gateway, window) = (context.gateway.as_ref(), window.of_charges());
    let (mut after, mut seen) = (None, HashSet::new());
    loop {
        let page = gateway.list_reports(&window, after.as_ref()).await;
        let page = page.map_err(PaymentError::from)?;
        for tenant in &tenants.compared {
            if !walk.has_failed(*tenant) {
                let checked = check_page(context, *tenant, &page.reports, &mut seen).await;
                walk.unless_failed(*tenant, checked);
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

/// Most events about refunds and disputes name no tenant, so each tenant checks whether the payment is its own.
async fn check_page(
    context: &OrderContext,
    tenant: TenantId,
    reports: &[Report],
    seen: &mut HashSet<(TenantId, Reference)>,
) -> Result<Going, OrderError> {
    let missed = missed(context, tenant, reports).await?;
    let new = missed
        .into_iter()
        .filter(|it| seen.insert((tenant, it.clone())));
    follow_all(context, tenant, new.collect()).await?;
    Ok(Going::On)
}

/// The payments of events that belong to this tenant or to none, and that no webhook delivered.
async fn missed(
    context: &OrderContext,
    tenant: TenantId,
    reports: &[Report],
) -> Result<Vec<Reference>, OrderError> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<GatewayEventId> = reports.iter().map(|report| report.id.clone()).collect();
    let mut connection = context.database.acquire().await?;
    let gateway = context.gateway.name();
    let known = find_known_events(&mut connection, tenant, gateway, &ids).await?;
    let is_missed = |report: &Report| {
        report.tenant_id.is_none_or(|owner| owner == tenant) && !known.contains(&report.id)
    };
    let missed = reports.iter().filter(|report| is_missed(report));
    Ok(missed.map(|report| report.reference.clone()).collect())
}

async fn follow_all(
    context: &OrderContext,
    tenant: TenantId,
    references: Vec<Reference>,
) -> Result<(), OrderError> {
    if references.is_empty() {
        return Ok(());
    }
    let mut connection = context.database.acquire().await?;
    let gateway = context.gateway.name();
    let attempts =
        find_attempts_by_references(&mut connection, tenant, gateway, &references).await?;
    drop(connection);
    for attempt in attempts.iter().filter(|attempt| attempt.captured.is_some()) {
        let (reach, goes_on) = (Reach::RefundsAndDisputes, GoesOn::Sweeper);
        follow_gateway(context, tenant, attempt, reach, goes_on).await?;
    }
    Ok(())
}
