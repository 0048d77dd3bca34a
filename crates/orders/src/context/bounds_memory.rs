//! What this process remembers about the limits on orders, and the number of refusals.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oms_validation::TenantId;

use crate::domain::bounds::{Bound, Declined, Unpaid};
use crate::domain::id::CustomerId;

/// How long a cached count is valid.
const FRESH: Duration = Duration::from_secs(1);
/// Maximum number of cached counts, and of remembered customers.
const MOST: usize = 10_000;

/// A cache. All of it can be lost, because the database has the data.
#[derive(Default)]
pub(crate) struct BoundsMemory {
    /// Customers that were refused. They are checked before their orders are routed, so that their retries cost others
    /// nothing.
    refused: Mutex<HashSet<(TenantId, CustomerId)>>,
    pub(crate) tenants: Counts<TenantId, Unpaid>,
    pub(crate) credentials: Counts<(TenantId, String), Declined>,
    exceeded: [AtomicU64; Bound::ALL.len()],
}

/// Cached counts, up to [`FRESH`] old.
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
    // No code that holds the lock can panic halfway through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BoundsMemory {
    /// Remembers that a customer reached a limit.
    pub(crate) fn note_refused(&self, tenant: TenantId, customer: CustomerId) {
        let mut refused = lock(&self.refused);
        if refused.len() >= MOST {
            refused.clear();
        }
        refused.insert((tenant, customer));
    }

    /// Forgets a customer who is within the limits again.
    pub(crate) fn note_admitted(&self, tenant: TenantId, customer: CustomerId) {
        lock(&self.refused).remove(&(tenant, customer));
    }

    /// Returns those of the customers that reached a limit before.
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

    /// Adds placed orders to the tenant's cached count, until it is counted again.
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
