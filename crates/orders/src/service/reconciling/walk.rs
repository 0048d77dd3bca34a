//! The state of a comparison in progress: its tenants, the orders it has seen, and its summary.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;

use oms_payments::ListedCharge;
use oms_validation::{OrderId, TenantId};

use crate::domain::finding::FindingKind;
use crate::domain::id::FindingId;
use crate::error::OrderError;
use crate::service::reconciling::check_charge::ChargeCheck;
use crate::service::reconciling::lease::Lease;

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
pub(super) struct Tenants {
    /// The installation's own, which has the findings about charges of no known tenant.
    pub(super) own: TenantId,
    /// Those to whom a charge may belong.
    pub(super) known: BTreeSet<TenantId>,
    /// Those that are compared now.
    pub(super) compared: BTreeSet<TenantId>,
}

impl Tenants {
    /// Distributes charges: each belongs to the tenant that its metadata names, if that is known here.
    pub(super) fn distribute(
        &self,
        charges: Vec<ListedCharge>,
    ) -> BTreeMap<TenantId, Vec<ListedCharge>> {
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

/// A comparison on its way.
pub(super) struct Walk<'a> {
    observer: &'a dyn ReconcileObserver,
    lease: Option<&'a Lease<'a>>,
    seen: HashSet<OrderId>,
    pub(super) summary: ReconcileSummary,
}

impl<'a> Walk<'a> {
    pub(super) fn new(observer: &'a dyn ReconcileObserver, lease: Option<&'a Lease<'a>>) -> Self {
        Self {
            observer,
            lease,
            seen: HashSet::new(),
            summary: ReconcileSummary::default(),
        }
    }

    pub(super) fn count_order(&mut self) {
        self.summary.orders += 1;
    }

    pub(super) fn see(&mut self, order_id: OrderId) {
        if self.seen.len() < MAX_SEEN {
            self.seen.insert(order_id);
        }
    }

    pub(super) fn has_seen(&self, order_id: OrderId) -> bool {
        self.seen.contains(&order_id)
    }

    pub(super) fn settled(&mut self, tenant: TenantId, id: FindingId) {
        self.summary.owners.insert(id, tenant);
        self.summary.settled.push(id);
    }

    pub(super) fn has_failed(&self, tenant: TenantId) -> bool {
        self.summary.failed.contains(&tenant)
    }

    /// Goes on with the other tenants where one can't be compared.
    pub(super) fn unless_failed(
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
    pub(super) async fn checked(
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
    pub(super) async fn going(&self) -> Result<Going, OrderError> {
        if let Some(lease) = self.lease
            && !lease.keep().await?
        {
            return Ok(Going::Stop);
        }
        Ok(self.observer.progressed(&self.summary))
    }
}
