//! What this process remembers for the bounds of orders, and what it has refused.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oms_validation::TenantId;

use crate::domain::bounds::{Bound, Declined, Unpaid};
use crate::domain::id::CustomerId;

/// How long a count is used before it is taken anew.
const FRESH: Duration = Duration::from_secs(1);
/// Most counts and customers that are remembered of each kind.
const MOST: usize = 10_000;

/// What this process remembers. All of it can be lost: the database has it.
#[derive(Default)]
pub(crate) struct BoundsMemory {
    /// Customers that were refused: looked at before their orders are routed, so that they cost others nothing.
    refused: Mutex<HashSet<(TenantId, CustomerId)>>,
    pub(crate) tenants: Counts<TenantId, Unpaid>,
    pub(crate) credentials: Counts<(TenantId, String), Declined>,
    exceeded: [AtomicU64; Bound::ALL.len()],
}

/// Counts that may be as old as [`FRESH`].
pub(crate) struct Counts<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Counts<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Copy> Counts<K, V> {
    pub(crate) fn find(&self, key: &K) -> Option<V> {
        let counts = lock(&self.0);
        let (since, value) = counts.get(key)?;
        (since.elapsed() < FRESH).then_some(*value)
    }

    pub(crate) fn keep(&self, key: K, value: V) {
        let mut counts = lock(&self.0);
        if counts.len() >= MOST {
            counts.clear();
        }
        counts.insert(key, (Instant::now(), value));
    }

    fn change(&self, key: &K, change: impl FnOnce(&mut V)) {
        if let Some((_, value)) = lock(&self.0).get_mut(key) {
            change(value);
        }
    }

    pub(crate) fn forget(&self, which: impl Fn(&K) -> bool) {
        lock(&self.0).retain(|key, _| !which(key));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BoundsMemory {
    /// Notes that a customer met a bound.
    pub(crate) fn note_refused(&self, tenant: TenantId, customer: CustomerId) {
        let mut refused = lock(&self.refused);
        if refused.len() >= MOST {
            refused.clear();
        }
        refused.insert((tenant, customer));
    }

    /// The customer is within the bounds again.
    pub(crate) fn note_admitted(&self, tenant: TenantId, customer: CustomerId) {
        lock(&self.refused).remove(&(tenant, customer));
    }

    /// Those of the customers that met a bound before.
    pub(crate) fn refused_before(
        &self,
        tenant: TenantId,
        customers: impl Iterator<Item = CustomerId>,
    ) -> Vec<CustomerId> {
        let refused = lock(&self.refused);
        let known: HashSet<CustomerId> = customers
            .filter(|customer| refused.contains(&(tenant, *customer)))
            .collect();
        known.into_iter().collect()
    }

    /// Adds orders that were placed to what the tenant has, until it is counted again.
    pub(crate) fn add_unpaid(&self, tenant: TenantId, orders: u64, units: u64) {
        self.tenants.change(&tenant, |unpaid| {
            unpaid.orders = unpaid.orders.saturating_add(orders);
            unpaid.units = unpaid.units.saturating_add(units);
        });
    }

    pub(super) fn count(&self, bound: Bound) {
        self.exceeded[bound as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counted(&self, bound: Bound) -> u64 {
        self.exceeded[bound as usize].load(Ordering::Relaxed)
    }
}
