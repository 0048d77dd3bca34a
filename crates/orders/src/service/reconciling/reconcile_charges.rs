//! Reverse reconciliation: walks the charges that the gateway has, whoever asked for them, then what it reported of refunds and
//! disputes of older ones, and then our paid orders whose charges were not among them. The gateway's lists are read once for
//! all tenants.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;

use oms_payments::{ListedCharge, PaymentError};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::finding::FindingKind;
use crate::domain::id::FindingId;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::domain::suspicion::Judgement;
use crate::error::OrderError;
use crate::service::reconciling::check_charge::{ChargeCheck, catch_up, confirm};
use crate::service::reconciling::check_paid_orders::check_paid_orders;
use crate::service::reconciling::check_reports::check_reports;
use crate::service::reconciling::compared_tenants::compared_tenants;
use crate::service::reconciling::judge_charges::{BooksState, judge_charges};
use crate::service::reconciling::reconcile_next::Lease;
use crate::service::reconciling::settle_due_findings::settle_due_findings;
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
    /// The tenant of each of these findings.
    pub owners: HashMap<FindingId, TenantId>,
    /// Tenants that could not be compared; the log has the reasons.
    pub failed: Vec<TenantId>,
    /// Findings of all tenants that are open at the end.
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

/// The tenants of a comparison.
pub(crate) struct Tenants {
    /// The installation's own, which has the findings about charges of no known tenant.
    pub(crate) own: TenantId,
    /// Those to whom a charge may belong.
    pub(crate) known: BTreeSet<TenantId>,
    /// Those that are compared now.
    pub(crate) compared: BTreeSet<TenantId>,
}

impl Tenants {
    /// Distributes charges: each belongs to the tenant that its metadata names, if that is known here.
    fn distribute(&self, charges: Vec<ListedCharge>) -> BTreeMap<TenantId, Vec<ListedCharge>> {
        let mut distributed: BTreeMap<TenantId, Vec<ListedCharge>> = BTreeMap::new();
        for charge in charges {
            let named = charge.tenant_id.filter(|it| self.known.contains(it));
            let tenant = named.unwrap_or(self.own);
            if self.compared.contains(&tenant) {
                distributed.entry(tenant).or_default().push(charge);
            }
        }
        distributed
    }
}

/// Compares the gateway's charges with the orders of every tenant, from one time to another. It may be repeated, and run
/// at the same time as others: each difference is written down once, with one alert.
///
/// A charge belongs to the tenant that its metadata names. A charge that names no tenant, or none that has orders here,
/// is reported to `own`, the installation's own tenant.
///
/// # Errors
/// When the gateway's charges or the tenants can't be listed. What was written stays. A tenant that can't be compared
/// holds up no other: see [`ReconcileSummary::failed`].
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

/// The same, under a lease that is kept for as long as it takes.
pub(crate) async fn reconcile(
    context: &OrderContext,
    tenants: &Tenants,
    window: &ReconcileWindow,
    observer: &dyn ReconcileObserver,
    lease: Option<&Lease<'_>>,
) -> Result<ReconcileSummary, OrderError> {
    let mut walk = Walk {
        observer,
        lease,
        seen: HashSet::new(),
        summary: ReconcileSummary::default(),
    };
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

/// A comparison on its way.
pub(crate) struct Walk<'a> {
    observer: &'a dyn ReconcileObserver,
    lease: Option<&'a Lease<'a>>,
    seen: HashSet<OrderId>,
    summary: ReconcileSummary,
}

impl Walk<'_> {
    pub(crate) fn count_order(&mut self) {
        self.summary.orders += 1;
    }

    fn see(&mut self, order_id: OrderId) {
        if self.seen.len() < MAX_SEEN {
            self.seen.insert(order_id);
        }
    }

    pub(crate) fn has_seen(&self, order_id: OrderId) -> bool {
        self.seen.contains(&order_id)
    }

    fn settled(&mut self, tenant: TenantId, id: FindingId) {
        self.summary.owners.insert(id, tenant);
        self.summary.settled.push(id);
    }

    pub(crate) fn has_failed(&self, tenant: TenantId) -> bool {
        self.summary.failed.contains(&tenant)
    }

    /// Goes on with the other tenants where one can't be compared.
    pub(crate) fn unless_failed(
        &mut self,
        tenant: TenantId,
        checked: Result<Going, OrderError>,
    ) -> Going {
        checked.unwrap_or_else(|error| {
            let cause: &dyn Error = &error;
            tracing::warn!(%tenant, cause, "a tenant could not be compared with the gateway's charges");
            self.summary.failed.push(tenant);
            Going::On
        })
    }

    /// Counts what came of comparing one charge or order.
    pub(crate) async fn checked(
        &mut self,
        tenant: TenantId,
        check: ChargeCheck,
    ) -> Result<Going, OrderError> {
        match check {
            ChargeCheck::Fine => {}
            ChargeCheck::Known(id) => {
                self.summary.owners.insert(id, tenant);
                self.summary.known.push(id);
            }
            ChargeCheck::Found { id, kind, settled } => {
                self.summary.owners.insert(id, tenant);
                self.summary.found.push((id, kind));
                if settled {
                    self.summary.settled.push(id);
                }
            }
        }
        self.going().await
    }

    /// Whether to go on.
    pub(crate) async fn going(&self) -> Result<Going, OrderError> {
        if let Some(lease) = self.lease
            && !lease.keep().await?
        {
            return Ok(Going::Stop);
        }
        Ok(self.observer.progressed(&self.summary))
    }
}
