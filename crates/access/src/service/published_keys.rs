//! A cache of an issuer's keys.
//!
//! Known keys verify tokens even if the issuer is unreachable. Keys are fetched when a token has an unknown key, and
//! periodically, so that withdrawn keys are dropped. The interval between fetches never falls below the configured
//! minimum, regardless of the tokens that arrive.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::adapters::issuer_keys::{FetchError, IssuerKeys};
use crate::domain::issuer::{IssuerSettings, TokenAlgorithm};
use crate::domain::key_set::{KeyName, KeySet};
use crate::error::AccessError;

/// The keys that an issuer publishes.
pub(super) struct PublishedKeys {
    source: IssuerKeys,
    runtime: Handle,
    algorithms: Vec<TokenAlgorithm>,
    good_for: Duration,
    fetch_at_most_every: Duration,
    known: RwLock<Option<Known>>,
    /// The result of the last fetch. Its lock serialises fetches.
    last_try: Mutex<Option<Try>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<KeySet>,
    since: Instant,
}

struct Try {
    ended_at: Instant,
    error: Option<Arc<FetchError>>,
}

impl PublishedKeys {
    pub(super) fn new(source: IssuerKeys, settings: &IssuerSettings) -> Arc<Self> {
        Arc::new(Self {
            source,
            runtime: Handle::current(),
            algorithms: settings.algorithms.clone(),
            good_for: settings.keys_good_for,
            fetch_at_most_every: settings.fetch_at_most_every,
            known: RwLock::default(),
            last_try: Mutex::default(),
        })
    }

    /// Returns the key with this name, or `None` if the issuer doesn't publish it.
    pub(super) async fn find(
        self: &Arc<Self>,
        name: &KeyName,
    ) -> Result<Option<DecodingKey>, AccessError> {
        if let Some(known) = self.known() {
            if known.since.elapsed() >= self.good_for && self.is_to_be_asked() {
                drop(self.refresh());
            }
            if let Some(key) = known.keys.find(name) {
                return Ok(Some(key.clone()));
            }
        }
        let refreshed = self.refresh().await;
        let refreshed = refreshed.map_err(|error| AccessError::IssuerUnavailable(error.into()))?;
        refreshed.map_err(|error| AccessError::IssuerUnavailable(Box::new(error)))?;
        let known = self.known();
        Ok(known.and_then(|known| known.keys.find(name).cloned()))
    }

    fn known(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Whether no fetch is in progress or recent.
    fn is_to_be_asked(&self) -> bool {
        let last_try = self.last_try.try_lock();
        last_try.is_ok_and(|last_try| self.recent(&last_try).is_none())
    }

    fn recent<'a>(&self, last_try: &'a Option<Try>) -> Option<&'a Try> {
        let last_try = last_try.as_ref();
        last_try.filter(|it| it.ended_at.elapsed() < self.fetch_at_most_every)
    }

    /// Fetches the keys unless the last fetch is recent. Runs in a task, because a client that disconnects must not
    /// interrupt a fetch that others wait for.
    fn refresh(self: &Arc<Self>) -> JoinHandle<Result<(), Arc<FetchError>>> {
        let keys = Arc::clone(self);
        self.runtime.spawn(async move {
            let mut last_try = keys.last_try.lock().await;
            if let Some(recent) = keys.recent(&last_try) {
                return recent.error.clone().map_or(Ok(()), Err);
            }
            let fetched = keys.fetch().await.map_err(Arc::new);
            *last_try = Some(Try {
                ended_at: Instant::now(),
                error: fetched.as_ref().err().cloned(),
            });
            fetched
        })
    }

    async fn fetch(&self) -> Result<(), FetchError> {
        let read = async {
            let document = self.source.fetch().await?;
            KeySet::read(&document, &self.algorithms)
                .map_err(|error| FetchError::Document("the key set", error))
        };
        let keys = read.await.inspect_err(|error| {
            let cause: &dyn std::error::Error = error;
            tracing::warn!(cause, "can't fetch the keys of the token issuer");
        })?;
        tracing::info!(keys = keys.len(), "fetched the keys of the token issuer");
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Known {
            keys: Arc::new(keys),
            since: Instant::now(),
        });
        Ok(())
    }
}
