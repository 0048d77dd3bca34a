//! A circuit breaker per tenant, so that tenants don't affect each other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use oms_circuit_breaker::{BreakerConfig, BreakerState, CircuitBreaker};
use uuid::Uuid;

/// Maximum number of breakers, about 5 MB.
const MOST_TENANTS: usize = 10_000;

/// The circuit breakers of tenants.
pub(super) struct TenantBreakers {
    name: &'static str,
    config: BreakerConfig,
    breakers: Mutex<HashMap<Uuid, CircuitBreaker>>,
}

impl TenantBreakers {
    pub(super) fn new(name: &'static str, config: BreakerConfig) -> Self {
        Self {
            name,
            config,
            breakers: Mutex::default(),
        }
    }

    /// Returns the tenant's breaker. If there are too many, closed breakers are dropped together with their failure
    /// counts.
    pub(super) fn of(&self, tenant: Uuid) -> CircuitBreaker {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if breakers.len() >= MOST_TENANTS && !breakers.contains_key(&tenant) {
            breakers.retain(|_, breaker| breaker.state() != BreakerState::Closed);
            if breakers.len() >= MOST_TENANTS {
                breakers.clear();
            }
        }
        let new = || CircuitBreaker::new(self.name, self.config);
        breakers.entry(tenant).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closed_breakers_are_dropped_first_if_there_are_too_many() {
        let config = BreakerConfig {
            failures: 1,
            ..BreakerConfig::default()
        };
        let breakers = TenantBreakers::new("test", config);
        let failing = Uuid::from_u128(0);
        let breaker = breakers.of(failing);
        let failed = breaker.call(|()| true, async { Err::<(), ()>(()) }).await;
        assert!(failed.is_err());
        for number in 1..=MOST_TENANTS as u128 {
            breakers.of(Uuid::from_u128(number));
        }
        assert_eq!(breakers.of(failing).state(), BreakerState::Open);
        assert_eq!(breakers.breakers.lock().unwrap().len(), 2);
    }
}
