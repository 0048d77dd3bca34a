//! Routing: which warehouse an order shall come from.

use oms_database::{Connection, DbError};
use oms_validation::{Location, TenantId};

use crate::domain::demand::Demand;
use crate::domain::routing::{Route, choose};
use crate::store::candidates;

/// Finds the nearest active warehouse that can fill the whole demand.
///
/// Takes no lock: the stock may be gone by the time it is reserved, and [`crate::reserve`] then says so. Distances are
/// on the sphere, which differs from the ellipsoid by at most 0.5 %.
///
/// # Errors
/// When the database can't be asked.
pub async fn route(
    connection: &mut Connection,
    tenant: TenantId,
    destination: Location,
    demand: &Demand,
) -> Result<Route, DbError> {
    let candidates = candidates::find(connection, tenant, destination, demand).await?;
    Ok(choose(destination, candidates, demand))
}
