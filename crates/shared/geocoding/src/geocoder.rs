//! The port `Geocoder`.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::DbError;
use uuid::Uuid;

use crate::{Address, Coordinates};

/// Locates addresses.
#[async_trait]
pub trait Geocoder: Send + Sync {
    /// Returns the coordinates of an address, on behalf of a tenant.
    ///
    /// # Errors
    /// [`GeocodeError::NotFound`] if the address is definitely unknown, [`GeocodeError::TooManyLookUps`] if the tenant
    /// has exhausted its quota, otherwise [`GeocodeError::Unavailable`].
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError>;

    /// Deletes cached coordinates of a tenant's addresses.
    ///
    /// # Errors
    /// When the database fails. The caller must repeat it.
    async fn forget(&self, _tenant: Uuid, _addresses: &[Address]) -> Result<(), DbError> {
        Ok(())
    }

    /// Whether a service would be called now. For reports only: cached addresses can be located either way, so callers
    /// should always try. This doesn't change the state of the breaker.
    fn is_available(&self) -> bool {
        self.breaker().is_none_or(|breaker| !breaker.refuses())
    }

    /// The breaker of the service, if there is one.
    fn breaker(&self) -> Option<&CircuitBreaker>;
}

/// Why an address was not located. A lookup has no side effects and can always be repeated.
#[derive(Debug, thiserror::Error)]
pub enum GeocodeError {
    /// The address is unknown. This is an answer of the service, and trips no breaker.
    #[error("the address is unknown")]
    NotFound,
    /// The tenant has exhausted its quota, and the service was not called.
    #[error("the tenant may look up {per_minute} addresses per minute")]
    TooManyLookUps {
        /// Allowed lookups per minute.
        per_minute: u32,
        /// The wait until the next lookup is allowed.
        retry_after: Duration,
    },
    /// The service failed. The error never contains the address.
    #[error("the geocoding service is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
