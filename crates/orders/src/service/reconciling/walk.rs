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

/// Maximum number of orders remembered as seen. An order that is not remembered is looked up again, which costs a call.
const MAX_SEEN: usize = 1_000_000;

/// The results of a comparison, so far or in total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileSummary {
    /// Number of charges compared.
    pub charges: u64,
    /// Number of paid orders looked up because their charge was not among the charges.
    pub orders: u64,
    /// New findings.
    pub found: Vec<(FindingId, FindingKind)>,
    /// Findings that were seen again.
    pub known: Vec<FindingId>,
    /// Findings corrected, new ones and earlier ones.
    pub settled: Vec<FindingId>,
    /// The tenant of each of these findings.
    pub owners: HashMap<FindingId, TenantId>,
    /// Tenants that could not be compared; the log has the reasons.
    pub failed: Vec<TenantId>,
    /// Number of open findings of all tenants at the end.
    pub open: u64,
    /// `false` if it was stopped before its end.
    pub finished: bool,
}

/// Whether to continue a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Continue.
    On,
    /// Stop. What was recorded stays, and the next comparison starts over.
    Stop,
}

/// Observes a comparison, and may stop it.
pub trait ReconcileObserver: Send + Sync {
    /// Called from time to time, at least after each page.
    fn progressed(&self, summary: &ReconcileSummary) -> Going;
}

/// The tenants of a comparison.
pub(super) struct Tenants {
    /// The installation's own, which gets the findings about charges of no known tenant.
    pub(super) own: TenantId,
    /// Those that a charge may belong to.
    pub(super) known: BTreeSet<TenantId>,
    /// Those that this comparison compares.
    pub(super) compared: BTreeSet<TenantId>,
}

impl Tenants {
    /// Groups charges by tenant: each belongs to the tenant that its metadata names, if that is known here.
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

/// A comparison in progress.
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

    /// Continues with the other tenants if one can't be compared.
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

    /// Counts the result of comparing one charge or order.
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

    /// Whether to continue.
    pub(super) async fn going(&self) -> Result<Going, OrderError> {
        if let Some(lease) = self.lease
            && !lease.keep().await?
        {
            return Ok(Going::Stop);
        }
        Ok(self.observer.progressed(&self.summary))
    }
}
