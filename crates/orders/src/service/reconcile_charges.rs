//! Reverse reconciliation: walks the charges that the gateway has, whoever asked for them, and then our paid orders whose
//! charges were not among them.

use std::collections::HashSet;

use oms_payments::PaymentError;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::finding::FindingKind;
use crate::domain::id::FindingId;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::domain::suspicion::Judgement;
use crate::error::OrderError;
use crate::service::check_charge::{ChargeCheck, confirm};
use crate::service::check_paid_orders::check_paid_orders;
use crate::service::judge_charges::judge_charges;
use crate::service::reconcile_next::Lease;
use crate::service::settle_findings::settle_findings;
use crate::store::findings;

/// Most orders that are remembered as seen. One that is not remembered is looked up once more, which costs a call.
const MAX_SEEN: usize = 1_000_000;

/// What a comparison did, so far or in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileSummary {
    /// Charges that were looked at.
    pub charges: u64,
    /// Paid orders whose charge was not among them, and that were looked up.
    pub orders: u64,
    /// What was found that was not known before.
    pub found: Vec<(FindingId, FindingKind)>,
    /// What was found again.
    pub known: Vec<FindingId>,
    /// What was put right, of these and of earlier findings.
    pub settled: Vec<FindingId>,
    /// Findings of the store that are open at the end.
    pub open: u64,
    /// False when somebody stopped it before its end.
    pub finished: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Do.
    On,
    /// Stop here. What was written stays, and the next comparison begins anew.
    Stop,
}

/// Somebody who watches a comparison, and may stop it.
pub trait ReconcileObserver: Send + Sync {
    /// Called now and then, after each page at least.
    fn progressed(&self, summary: &ReconcileSummary) -> Going;
}

/// Compares the gateway's books with those of a store, from one time to another. It may be repeated, and run at the same
/// time as others: each difference is written down once, with one alert.
///
/// Charges that name another store are left to that one's comparison. Those that name none are taken for this store's, and
/// only reported.
///
/// # Errors
/// When the gateway or the database can't be asked. What was written stays.
pub async fn reconcile_charges(
    context: &OrderContext,
    tenant: TenantId,
    window: &ReconcileWindow,
    observer: &dyn ReconcileObserver,
) -> Result<ReconcileSummary, OrderError> {
    reconcile(context, tenant, window, observer, None).await
}

/// The same, under a lease that is kept for as long as it takes.
pub(crate) async fn reconcile(
    context: &OrderContext,
    tenant: TenantId,
    window: &ReconcileWindow,
    observer: &dyn ReconcileObserver,
    lease: Option<&Lease<'_>>,
) -> Result<ReconcileSummary, OrderError> {
    let mut walk = Walk {
        observer,
        lease,
        summary: ReconcileSummary::default(),
    };
    walk.summary.settled = settle_findings(context, tenant).await?;
    let mut seen = HashSet::new();
    let mut going = check_charges(context, tenant, window, &mut seen, &mut walk).await?;
    if going == Going::On {
        going = check_paid_orders(context, tenant, window, &seen, &mut walk).await?;
    }
    let mut summary = walk.summary;
    summary.finished = going == Going::On;
    let mut connection = context.database.acquire().await?;
    summary.open = findings::count_open(&mut connection, tenant).await?;
    Ok(summary)
}

async fn check_charges(
    context: &OrderContext,
    tenant: TenantId,
    window: &ReconcileWindow,
    seen: &mut HashSet<OrderId>,
    walk: &mut Walk<'_>,
) -> Result<Going, OrderError> {
    let (gateway, window) = (context.gateway.as_ref(), window.of_charges());
    let mut after = None;
    loop {
        let page = gateway.list_charges(&window, after.as_ref()).await;
        let page = page.map_err(PaymentError::from)?;
        let judged = judge_charges(context, tenant, &page.charges).await?;
        walk.summary.charges += judged.len() as u64;
        for judgement in judged {
            match judgement {
                Judgement::Fine => {}
                Judgement::Pays(order_id) if seen.len() < MAX_SEEN => {
                    seen.insert(order_id);
                }
                Judgement::Pays(_) => {}
                Judgement::Suspicious(suspicion) => {
                    let check = confirm(context, tenant, &suspicion).await?;
                    if let Some((order_id, _)) = suspicion.order {
                        seen.insert(order_id);
                    }
                    if walk.checked(check).await? == Going::Stop {
                        return Ok(Going::Stop);
                    }
                }
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

/// A comparison on its way.
pub(crate) struct Walk<'a> {
    observer: &'a dyn ReconcileObserver,
    lease: Option<&'a Lease<'a>>,
    summary: ReconcileSummary,
}

impl Walk<'_> {
    pub(crate) fn count_order(&mut self) {
        self.summary.orders += 1;
    }

    /// Counts what came of comparing one charge or order.
    pub(crate) async fn checked(&mut self, check: ChargeCheck) -> Result<Going, OrderError> {
        match check {
            ChargeCheck::Fine => {}
            ChargeCheck::Known(id) => self.summary.known.push(id),
            ChargeCheck::Found { id, kind, settled } => {
                self.summary.found.push((id, kind));
                if settled {
                    self.summary.settled.push(id);
                }
            }
        }
        self.going().await
    }

    async fn going(&self) -> Result<Going, OrderError> {
        if let Some(lease) = self.lease
            && !lease.keep().await?
        {
            return Ok(Going::Stop);
        }
        Ok(self.observer.progressed(&self.summary))
    }
}
