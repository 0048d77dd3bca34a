//! Routes units that must leave their warehouse.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{Location, TenantId, WarehouseId};

use crate::domain::demand::Demand;
use crate::domain::rivalry::group;
use crate::domain::routing::{Candidate, Route, RoutingRequest, choose_elsewhere};
use crate::service::route::NEAR;
use crate::store::candidates;

/// Finds the nearest active warehouse that can fill the whole demand and is not excluded. The trace names the excluded
/// ones.
///
/// Takes no lock, so the stock may have run out by the time it is moved; [`crate::move_reservations`] then reports it as
/// not available.
///
/// # Errors
/// When the database fails.
pub async fn route_elsewhere(
    connection: &mut Connection,
    tenant: TenantId,
    destination: Location,
    demand: &Demand,
    excluded: &BTreeSet<WarehouseId>,
) -> Result<Route, DbError> {
    let request = RoutingRequest {
        destination,
        demand,
    };
    let (mut groups, _) = group(&[request]);
    // An excluded warehouse takes a place in each search, like a rival that takes the stock.
    groups[0].rivals = excluded.len();
    let group = [&groups[0]];
    let most = NEAR + excluded.len();
    let near = candidates::find_nearest(tenant, &group, most);
    let mut found = near.run(connection).await?.pop().unwrap_or_default();
    let is_possible = |it: &Candidate| !excluded.contains(&it.id) && it.fits(demand);
    if found.len() >= most && !found.iter().any(is_possible) {
        let stocked = candidates::find_stocked(connection, tenant, &group).await?;
        found.extend(stocked.into_iter().flatten());
    }
    found.sort_by(Candidate::nearest_first);
    found.dedup_by_key(|candidate| candidate.id);
    Ok(choose_elsewhere(&request, &found, excluded))
}
