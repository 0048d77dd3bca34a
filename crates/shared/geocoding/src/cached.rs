//! A geocoder that remembers what another one found.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::{Connection, Database, DbError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::{self, AddressHash};
use crate::{Address, Coordinates, GeocodeError, Geocoder};

/// How long an answer is good: 30 days.
pub const DEFAULT_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// Answers from the table where it can, else from the inner geocoder. Only found addresses are kept.
pub struct CachedGeocoder {
    inner: Arc<dyn Geocoder>,
    database: Database,
    ttl: Duration,
}

impl CachedGeocoder {
    /// A cache in front of `inner`, whose entries are good for `ttl`.
    pub fn new(inner: Arc<dyn Geocoder>, database: Database, ttl: Duration) -> Self {
        Self {
            inner,
            database,
            ttl,
        }
    }

    async fn find(&self, tenant: Uuid, hash: &AddressHash) -> Result<Option<Coordinates>, DbError> {
        let mut connection = self.database.acquire().await?;
        store::find_location(&mut connection, tenant, hash, self.ttl).await
    }

    async fn keep(
        &self,
        tenant: Uuid,
        hash: &AddressHash,
        coordinates: Coordinates,
    ) -> Result<(), DbError> {
        let mut connection = self.database.acquire().await?;
        store::upsert_location(&mut connection, tenant, hash, coordinates).await
    }
}

#[async_trait]
impl Geocoder for CachedGeocoder {
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        let hash = hash_of(address);
        match self.find(tenant, &hash).await {
            Ok(Some(coordinates)) => return Ok(coordinates),
            Ok(None) => {}
            Err(error) => {
                log(&error, "could not be read");
                // No connection will be waited for a second time.
                return self.inner.locate(tenant, address).await;
            }
        }
        let coordinates = self.inner.locate(tenant, address).await?;
        if let Err(error) = self.keep(tenant, &hash, coordinates).await {
            log(&error, "could not be written");
        }
        Ok(coordinates)
    }

    async fn forget(&self, tenant: Uuid, addresses: &[Address]) -> Result<(), DbError> {
        let hashes: Vec<AddressHash> = addresses.iter().map(hash_of).collect();
        let mut connection = self.database.acquire().await?;
        store::delete_locations(&mut connection, tenant, &hashes).await?;
        drop(connection);
        self.inner.forget(tenant, addresses).await
    }

    fn is_available(&self) -> bool {
        self.inner.is_available()
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        self.inner.breaker()
    }
}

fn hash_of(address: &Address) -> AddressHash {
    Sha256::digest(address.as_str()).into()
}

/// Deletes what was cached longer ago than `older_than`, up to 1,000 addresses of each tenant, and returns how many.
///
/// # Errors
/// When the database does not answer; what was deleted before stays deleted.
pub async fn purge_cached_locations(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    store::LEARNT_LONG_AGO.turn(connection, older_than).await
}

fn log(error: &DbError, what: &'static str) {
    let cause: &(dyn std::error::Error + 'static) = error;
    tracing::warn!(cause, "the geocoding cache {what}");
}
