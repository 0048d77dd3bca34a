//! The requests that wait for events, without a connection to the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// Maximum number of requests of one tenant that wait in one instance.
pub(crate) const MAX_OF_TENANT: usize = 20;
/// Maximum number of requests that wait in one instance.
pub(crate) const MAX_IN_ALL: usize = 400;

/// Who waits, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    tenants: Arc<Mutex<HashMap<Uuid, Tenant>>>,
}

#[derive(Debug, Default)]
struct Tenant {
    waiters: usize,
    published: Arc<Notify>,
    /// The last position that was reported to the waiters.
    position: i64,
}

type Tenants = HashMap<Uuid, Tenant>;

fn locked(tenants: &Mutex<Tenants>) -> MutexGuard<'_, Tenants> {
    tenants.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiting {
    /// Lets a request wait until it drops the value. `None` if too many are waiting.
    pub(crate) fn enter(&self, tenant: Uuid) -> Option<Waiter> {
        let mut tenants = locked(&self.tenants);
        let of_tenant = tenants.get(&tenant).map_or(0, |it| it.waiters);
        let in_all: usize = tenants.values().map(|it| it.waiters).sum();
        if of_tenant >= MAX_OF_TENANT || in_all >= MAX_IN_ALL {
            return None;
        }
        let entry = tenants.entry(tenant).or_default();
        entry.waiters += 1;
        Some(Waiter {
            tenants: self.tenants.clone(),
            tenant,
            published: entry.published.clone(),
        })
    }

    /// The tenants with waiting requests.
    pub(crate) fn tenants(&self) -> Vec<Uuid> {
        locked(&self.tenants).keys().copied().collect()
    }

    /// Wakes the requests of a tenant if its feed has grown.
    pub(crate) fn published(&self, tenant: Uuid, position: i64) {
        if let Some(entry) = locked(&self.tenants).get_mut(&tenant)
            && position > entry.position
        {
            entry.position = position;
            entry.published.notify_waiters();
        }
    }
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    tenants: Arc<Mutex<Tenants>>,
    tenant: Uuid,
    published: Arc<Notify>,
}

impl Waiter {
    /// Notified when the tenant's feed has grown. Enable a notification before you read the feed.
    pub(crate) fn published(&self) -> &Notify {
        &self.published
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut tenants = locked(&self.tenants);
        if let Some(entry) = tenants.get_mut(&self.tenant) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_a_limited_number_of_waiters_and_none_is_forgotten() {
        let waiting = Waiting::default();
        let tenant = Uuid::from_u128(1);
        let waiters: Vec<Waiter> = (0..MAX_OF_TENANT)
            .map(|_| waiting.enter(tenant).unwrap())
            .collect();
        assert!(waiting.enter(tenant).is_none());
        assert!(waiting.enter(Uuid::from_u128(2)).is_some());
        assert_eq!(waiting.tenants(), [tenant]);
        drop(waiters);
        assert!(waiting.tenants().is_empty());
        assert!(waiting.enter(tenant).is_some());
    }

    #[test]
    fn an_instance_has_a_limited_number_of_waiters() {
        let waiting = Waiting::default();
        let tenants = (0..).map(|number| Uuid::from_u128(number / MAX_OF_TENANT as u128));
        let waiters: Vec<Waiter> = tenants.map_while(|tenant| waiting.enter(tenant)).collect();
        assert_eq!(waiters.len(), MAX_IN_ALL);
    }

    #[tokio::test]
    async fn a_waiter_is_woken_once_for_each_growth() {
        let waiting = Waiting::default();
        let tenant = Uuid::from_u128(1);
        let waiter = waiting.enter(tenant).unwrap();
        let mut woken = std::pin::pin!(waiter.published().notified());
        woken.as_mut().enable();
        waiting.published(tenant, 7);
        woken.await;
        let mut again = std::pin::pin!(waiter.published().notified());
        assert!(!again.as_mut().enable());
        waiting.published(tenant, 7);
        assert!(!again.as_mut().enable(), "the feed has not grown");
    }
}
