//! Locates addresses for inventory, with the same geocoder that orders use.

use std::sync::Arc;

use async_trait::async_trait;
use oms_errors::Problem;
use oms_geocoding::{Address, GeocodeError, Geocoder};
use oms_inventory::ports::AddressLocator;
use oms_validation::{Location, TenantId};

/// The geocoder, as the port of inventory.
pub(crate) struct GeocodedAddresses(pub(crate) Arc<dyn Geocoder>);

#[async_trait]
impl AddressLocator for GeocodedAddresses {
    async fn locate(&self, tenant: TenantId, address: &str) -> Result<Location, Problem> {
        let address = Address::new(address).map_err(|_| GeocodeError::NotFound)?;
        let found = self.0.locate(tenant.as_uuid(), &address).await?;
        let location = Location::new(found.lat(), found.lng());
        location.map_err(|error| GeocodeError::Unavailable(error.into()).into())
    }
}
