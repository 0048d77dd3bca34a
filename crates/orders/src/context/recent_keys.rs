//! The idempotency keys that recent requests carried.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use oms_validation::{IdempotencyKey, TenantId};

/// Maximum number of keys per generation: about 0.6 MB.
const KEYS: usize = 32_768;

/// Remembers at least the last [`KEYS`] keys, and at most twice as many, as hashes. A different key with the same hash
/// counts as remembered.
#[derive(Default)]
pub(crate) struct RecentKeys {
    hasher: RandomState,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    current: HashSet<u64>,
    previous: HashSet<u64>,
}

impl RecentKeys {
    /// Remembers a key, and returns whether it was remembered before.
    pub(crate) fn remember(&self, tenant: TenantId, key: &IdempotencyKey) -> bool {
        let hash = self.hasher.hash_one((tenant, key));
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if generations.current.len() >= KEYS {
            generations.previous = std::mem::take(&mut generations.current);
        }
        let is_new = generations.current.insert(hash);
        !is_new || generations.previous.contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> IdempotencyKey {
        IdempotencyKey::parse(&format!("key-{number}")).unwrap()
    }

    fn tenant(number: u128) -> TenantId {
        TenantId::from(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_repeated_key_of_the_same_tenant_is_recognised() {
        let keys = RecentKeys::default();
        assert!(!keys.remember(tenant(1), &key(1)));
        assert!(keys.remember(tenant(1), &key(1)));
        assert!(!keys.remember(tenant(2), &key(1)));
    }

    #[test]
    fn the_last_keys_are_remembered_and_older_ones_are_forgotten() {
        let keys = RecentKeys::default();
        for number in 0..2 * KEYS {
            assert!(!keys.remember(tenant(1), &key(number)));
        }
        assert!(keys.remember(tenant(1), &key(KEYS)));
        assert!(!keys.remember(tenant(1), &key(0)));
        let generations = keys.generations.lock().unwrap();
        assert!(generations.current.len() + generations.previous.len() <= 2 * KEYS);
    }
}
