//! A geocoder that caches the answers of another one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::{Connection, Database, DbError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::{self, AddressHash};
use crate::{Address, Coordinates, GeocodeError, Geocoder};

/// The default lifetime of a cached answer: 30 days.
pub const DEFAULT_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// Answers from the cache if possible, otherwise from the inner geocoder. Only addresses that were found are cached.
pub struct CachedGeocoder {
    inner: Arc<dyn Geocoder>,
    database: Database,
    ttl: Duration,
}

impl CachedGeocoder {
    /// Creates a cache in front of `inner`, whose entries live for `ttl`.
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
                // The cache is not written either, to avoid a second wait for a connection.
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

/// Deletes entries older than `older_than`, up to 1,000 per tenant, and returns their number.
///
/// # Errors
/// When the database fails. Entries that were already deleted stay deleted.
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
