//! What inventory needs of others.

use async_trait::async_trait;
use oms_errors::Problem;
use oms_validation::{Location, TenantId};

/// Finds where an address is. The program wires it to whatever knows addresses; inventory does not.
#[async_trait]
pub trait AddressLocator: Send + Sync {
    /// The place of an address, for a store, which takes as long as it takes: nobody holds a connection meanwhile.
    ///
    /// # Errors
    /// With what the client is told: that there is no such address, or that nobody can be asked now.
    async fn locate(&self, tenant: TenantId, address: &str) -> Result<Location, Problem>;
}
