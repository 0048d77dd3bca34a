//! The port.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::DbError;
use uuid::Uuid;

use crate::{Address, Coordinates};

/// Finds out where an address is.
#[async_trait]
pub trait Geocoder: Send + Sync {
    /// Where `address` is, for a store.
    ///
    /// # Errors
    /// [`GeocodeError::NotFound`] when it is known that nobody knows, [`GeocodeError::TooManyLookUps`] when the tenant has used
    /// its look-ups up, else [`GeocodeError::Unavailable`].
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError>;

    /// Forgets where addresses of a tenant are, if that is remembered anywhere.
    ///
    /// # Errors
    /// When the database does not answer. Repeat it.
    async fn forget(&self, _tenant: Uuid, _addresses: &[Address]) -> Result<(), DbError> {
        Ok(())
    }

    /// Whether a service would be asked now. For reports: addresses that are known already can be located either way,
    /// so it is no reason not to try. Asking changes nothing.
    fn is_available(&self) -> bool {
        self.breaker().is_none_or(|breaker| !breaker.refuses())
    }

    /// The breaker that watches the service, where there is one.
    fn breaker(&self) -> Option<&CircuitBreaker>;
}

/// Why an address has no coordinates. Asking has no effect, so it can always be repeated.
#[derive(Debug, thiserror::Error)]
pub enum GeocodeError {
    /// The address is not known. An answer, which trips no breaker.
    #[error("the address is not known")]
    NotFound,
    /// The tenant has used its look-ups up, and the service was not called.
    #[error("the tenant may look up {per_minute} addresses a minute")]
    TooManyLookUps {
        /// How many it may look up in a minute.
        per_minute: u32,
        /// When it may look up another one.
        retry_after: Duration,
    },
    /// It could not be asked for. Never says which address it was about.
    #[error("the geocoding service is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
