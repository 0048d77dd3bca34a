//! A cache of verified keys, which saves most requests a database lookup.
//!
//! It contains only valid keys, so that guessed keys can't fill it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::api_key::KeyHash;
use super::credential::Credential;

/// Verified keys, bounded in time and number.
pub(crate) struct KeyMemory {
    remember_for: Duration,
    most: usize,
    entries: RwLock<HashMap<KeyHash, Entry>>,
}

struct Entry {
    credential: Arc<Credential>,
    verified_at: Instant,
}

/// The result of a cache lookup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// The key was verified recently.
    Fresh(Arc<Credential>),
    /// At least half of the lifetime has passed. One caller should verify the key again while others use the entry.
    Aging(Arc<Credential>),
    Nothing,
}

impl KeyMemory {
    pub(crate) fn new(remember_for: Duration, most: usize) -> Self {
        Self {
            remember_for,
            most,
            entries: RwLock::default(),
        }
    }

    pub(crate) fn recall(&self, hash: &KeyHash, now: Instant) -> Recalled {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get(hash) else {
            return Recalled::Nothing;
        };
        let age = now.saturating_duration_since(entry.verified_at);
        let credential = || entry.credential.clone();
        match () {
            () if age < self.remember_for / 2 => Recalled::Fresh(credential()),
            () if age < self.remember_for => Recalled::Aging(credential()),
            () => Recalled::Nothing,
        }
    }

    /// Caches a key as verified at `now`. If the cache is full of unexpired entries, the key is not cached.
    pub(crate) fn remember(&self, hash: KeyHash, credential: Arc<Credential>, now: Instant) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most && !entries.contains_key(&hash) {
            let is_young = |entry: &Entry| {
                now.saturating_duration_since(entry.verified_at) < self.remember_for
            };
            entries.retain(|_, entry| is_young(entry));
            if entries.len() >= self.most {
                return;
            }
        }
        let verified_at = now;
        entries.insert(
            hash,
            Entry {
                credential,
                verified_at,
            },
        );
    }

    pub(crate) fn forget(&self, hash: &KeyHash) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(hash);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use oms_validation::Scopes;

    fn credential() -> Arc<Credential> {
        Arc::new(Credential {
            tenant: Uuid::from_u128(1).into(),
            name: "till".parse().unwrap(),
            scopes: Scopes::all(),
        })
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_ages_after_half_of_its_lifetime_and_then_expires() {
        let memory = KeyMemory::new(10 * SECOND, 10);
        let (start, key) = (Instant::now(), [1; 32]);
        assert_eq!(memory.recall(&key, start), Recalled::Nothing);
        memory.remember(key, credential(), start);
        let after = |seconds: u32| memory.recall(&key, start + seconds * SECOND);
        assert_eq!(after(4), Recalled::Fresh(credential()));
        assert_eq!(after(5), Recalled::Aging(credential()));
        assert_eq!(after(9), Recalled::Aging(credential()));
        assert_eq!(after(10), Recalled::Nothing);
        memory.forget(&key);
        assert_eq!(after(0), Recalled::Nothing);
    }

    #[test]
    fn a_lifetime_of_zero_disables_the_cache() {
        let memory = KeyMemory::new(Duration::ZERO, 10);
        let now = Instant::now();
        memory.remember([1; 32], credential(), now);
        assert_eq!(memory.recall(&[1; 32], now), Recalled::Nothing);
    }

    #[test]
    fn the_cache_is_bounded_and_expired_entries_make_room() {
        let memory = KeyMemory::new(10 * SECOND, 2);
        let start = Instant::now();
        for key in 1..=3 {
            memory.remember([key; 32], credential(), start);
        }
        assert_eq!(memory.recall(&[3; 32], start), Recalled::Nothing);
        assert_eq!(
            memory.recall(&[1; 32], start),
            Recalled::Fresh(credential())
        );
        let later = start + 11 * SECOND;
        memory.remember([3; 32], credential(), later);
        assert_eq!(
            memory.recall(&[3; 32], later),
            Recalled::Fresh(credential())
        );
        assert_eq!(memory.entries.read().unwrap().len(), 1);
    }
}
