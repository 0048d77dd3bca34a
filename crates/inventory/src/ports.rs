//! The ports of inventory.

use async_trait::async_trait;
use oms_errors::Problem;
use oms_validation::{Location, TenantId};

/// Geocodes addresses. The program wires it to a geocoder, of which inventory knows nothing.
#[async_trait]
pub trait AddressLocator: Send + Sync {
    /// Returns the location of an address. The call may be slow: hold no connection during it.
    ///
    /// # Errors
    /// With the problem for the client: the address was not found, or the geocoder is unavailable.
    async fn locate(&self, tenant: TenantId, address: &str) -> Result<Location, Problem>;
}
