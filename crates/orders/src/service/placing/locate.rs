//! Locates addresses.

use oms_geocoding::{GeocodeError, Geocoder};
use oms_validation::{Location, TenantId};

use crate::domain::address::ShippingAddress;
use crate::error::PlacingError;

/// Returns the coordinates of an address: those that came with it, or else the geocoder's. The caller must not hold a
/// database connection.
pub(crate) async fn locate(
    geocoder: &dyn Geocoder,
    tenant: TenantId,
    address: &ShippingAddress,
) -> Result<Location, PlacingError> {
    if let Some(location) = address.location() {
        return Ok(location);
    }
    let address = address.query().map_err(|_| GeocodeError::NotFound)?;
    let found = geocoder.locate(tenant.as_uuid(), &address).await?;
    let location = Location::new(found.lat(), found.lng());
    location.map_err(|error| GeocodeError::Unavailable(error.into()).into())
}
