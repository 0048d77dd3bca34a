//! What this process remembers for the bounds of orders, and what it has refused.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oms_database::{Connection, DbError};
use oms_payments::Closing;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::bounds::{Bound, Declined, Unpaid};
use crate::domain::id::CustomerId;
use crate::error::OrderError;
use crate::service::transitions::proof::Proof;
use crate::store::standings;

/// How long a count is used before it is taken anew.
const FRESH: Duration = Duration::from_secs(1);
/// Most counts and customers that are remembered of each kind.
const MOST: usize = 10_000;

/// What this process remembers. All of it can be lost: the database has it.
#[derive(Default)]
pub(crate) struct BoundsMemory {
    /// Customers that were refused: looked at before their orders are routed, so that they cost others nothing.
    refused: Mutex<HashSet<(TenantId, CustomerId)>>,
    tenants: Counts<TenantId, Unpaid>,
    credentials: Counts<(TenantId, String), Declined>,
    exceeded: [AtomicU64; Bound::ALL.len()],
}

/// Counts that may be as old as [`FRESH`].
struct Counts<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Counts<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Copy> Counts<K, V> {
    fn find(&self, key: &K) -> Option<V> {
        let counts = lock(&self.0);
        let (since, value) = counts.get(key)?;
        (since.elapsed() < FRESH).then_some(*value)
    }

    fn keep(&self, key: K, value: V) {
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

    fn forget(&self, which: impl Fn(&K) -> bool) {
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

    pub(crate) fn count(&self, bound: Bound) {
        self.exceeded[bound as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counted(&self, bound: Bound) -> u64 {
        self.exceeded[bound as usize].load(Ordering::Relaxed)
    }
}

/// What the tenant has unpaid, give or take a second. Counted anew where `coming` would exceed the bound otherwise: most of
/// what was added since may have been paid a moment later.
pub(crate) async fn unpaid_of_tenant(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    coming: &Unpaid,
) -> Result<Unpaid, DbError> {
    let (memory, bound) = (&context.bounds, context.settings.bounds.tenant);
    if bound.orders == 0 && bound.units == 0 {
        return Ok(Unpaid::default());
    }
    if let Some(unpaid) = memory.tenants.find(&tenant)
        && bound.has_room(&unpaid, coming)
    {
        return Ok(unpaid);
    }
    // Units can only be summed up over all orders.
    let most = if bound.units > 0 {
        u64::MAX
    } else {
        bound.orders
    };
    let unpaid = standings::find_unpaid_of_tenant(connection, tenant, most).await?;
    memory.tenants.keep(tenant, unpaid);
    Ok(unpaid)
}

/// The declined payments of a credential, give or take a second for those of other instances.
pub(crate) async fn declines_of_credential(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    actor: &str,
) -> Result<Declined, DbError> {
    let (memory, limit) = (&context.bounds, context.settings.bounds.declines);
    if limit.per_credential == 0 {
        return Ok(Declined::default());
    }
    let key = (tenant, actor.to_owned());
    if let Some(declined) = memory.credentials.find(&key) {
        return Ok(declined);
    }
    let (now, most) = (context.now(), limit.per_credential);
    let counted =
        standings::find_declines_of_actor(connection, tenant, now, actor, limit.window, most);
    let declined = counted.await?;
    memory.credentials.keep(key, declined);
    Ok(declined)
}

/// Refuses another payment of an order when too many were declined.
pub(crate) async fn refuse_declined(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<(), OrderError> {
    let bounds = context.settings.bounds;
    let of_credential = declines_of_credential(context, connection, tenant, actor).await?;
    bounds.check_credential_declines(&of_credential)?;
    if bounds.declines.per_customer == 0 {
        return Ok(());
    }
    let (now, limit) = (context.now(), bounds.declines);
    let of_customer =
        standings::find_declines_of_customer(connection, tenant, now, order_id, limit).await?;
    Ok(bounds.check_customer_declines(&of_customer)?)
}

/// Has the declines of a tenant's credentials counted anew: a decline of this process was committed.
pub(crate) fn note_declined(context: &OrderContext, tenant: TenantId, proof: &Proof) {
    if matches!(proof.closing, Closing::Declined(_)) {
        let credentials = &context.bounds.credentials;
        credentials.forget(|(counted, _)| *counted == tenant);
    }
}
