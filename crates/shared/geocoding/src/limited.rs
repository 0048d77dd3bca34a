//! A geocoder that limits each tenant's calls to another one.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use uuid::Uuid;

use crate::{Address, Coordinates, GeocodeError, Geocoder};

/// Maximum number of counted tenants, about 500 kB.
const MOST_TENANTS: usize = 10_000;

/// Limits each tenant to a number of calls per minute, all of which may come in one burst. Place it behind the cache,
/// so that only calls to the service count. Each process counts on its own.
pub struct LimitedGeocoder {
    inner: Arc<dyn Geocoder>,
    per_minute: NonZeroU32,
    /// When each tenant's quota is fully restored: the theoretical arrival time of GCRA.
    used_until: Mutex<HashMap<Uuid, Instant>>,
    refused: Arc<AtomicU64>,
}

impl LimitedGeocoder {
    /// Creates a limit around `inner`. Refused calls increment `refused`.
    pub fn new(inner: Arc<dyn Geocoder>, per_minute: NonZeroU32, refused: Arc<AtomicU64>) -> Self {
        Self {
            inner,
            per_minute,
            used_until: Mutex::default(),
            refused,
        }
    }

    /// Counts one call of a tenant, or returns how long the tenant must wait.
    fn take(&self, tenant: Uuid, now: Instant) -> Result<(), Duration> {
        let minute = Duration::from_secs(60);
        let each = minute / self.per_minute.get();
        let mut tenants = self
            .used_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST_TENANTS && !tenants.contains_key(&tenant) {
            tenants.retain(|_, until| *until > now);
            if tenants.len() >= MOST_TENANTS {
                tenants.clear();
            }
        }
        let until = tenants.entry(tenant).or_insert(now);
        let used = until.saturating_duration_since(now) + each;
        // The division rounds down, so a full burst may take slightly less than a minute.
        let most = each * self.per_minute.get();
        if used > most {
            return Err(used - most);
        }
        *until = now + used;
        Ok(())
    }
}

#[async_trait]
impl Geocoder for LimitedGeocoder {
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        if let Err(retry_after) = self.take(tenant, Instant::now()) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(GeocodeError::TooManyLookUps {
                per_minute: self.per_minute.get(),
                retry_after,
            });
        }
        self.inner.locate(tenant, address).await
    }

    fn is_available(&self) -> bool {
        self.inner.is_available()
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        self.inner.breaker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;

    fn limited(per_minute: u32) -> LimitedGeocoder {
        let per_minute = NonZeroU32::new(per_minute).unwrap();
        LimitedGeocoder::new(Arc::new(Chain::new(Vec::new())), per_minute, Arc::default())
    }

    fn tenant(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_burst_may_use_the_whole_quota_which_is_then_restored_evenly() {
        let (limited, start) = (limited(3), Instant::now());
        for _ in 0..3 {
            assert_eq!(limited.take(tenant(1), start), Ok(()));
        }
        let wait = Duration::from_secs(20);
        assert_eq!(limited.take(tenant(1), start), Err(wait));
        assert_eq!(limited.take(tenant(1), start + wait), Ok(()));
        assert_eq!(limited.take(tenant(1), start + wait), Err(wait));
    }

    #[test]
    fn a_limit_that_does_not_divide_a_minute_is_exact() {
        let (limited, now) = (limited(7001), Instant::now());
        let taken = (0..8000).filter(|_| limited.take(tenant(1), now).is_ok());
        assert_eq!(taken.count(), 7001);
    }

    #[test]
    fn each_tenant_has_its_own_limit() {
        let (limited, now) = (limited(1), Instant::now());
        assert_eq!(limited.take(tenant(1), now), Ok(()));
        assert!(limited.take(tenant(1), now).is_err());
        assert_eq!(limited.take(tenant(2), now), Ok(()));
    }

    #[test]
    fn the_number_of_counted_tenants_is_bounded_and_restored_quotas_are_dropped() {
        let (limited, start) = (limited(60), Instant::now());
        for number in 0..MOST_TENANTS as u128 {
            limited.take(tenant(number), start).unwrap();
        }
        let later = start + Duration::from_secs(2);
        limited.take(tenant(u128::MAX), later).unwrap();
        assert_eq!(limited.used_until.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn refused_calls_are_counted_and_report_when_to_retry() {
        let limited = limited(1);
        let address = Address::new("anywhere").unwrap();
        let known = limited.locate(tenant(1), &address).await;
        assert!(matches!(known, Err(GeocodeError::NotFound)), "{known:?}");
        let refused = limited.locate(tenant(1), &address).await;
        let Err(GeocodeError::TooManyLookUps { retry_after, .. }) = refused else {
            panic!("the service was called: {refused:?}");
        };
        assert!(retry_after <= Duration::from_secs(60) && !retry_after.is_zero());
        assert_eq!(limited.refused.load(Ordering::Relaxed), 1);
    }
}
