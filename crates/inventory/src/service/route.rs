//! Routes orders to warehouses.

use oms_database::{Connection, DbError, Statement};
use oms_validation::{Location, TenantId};

use crate::domain::demand::Demand;
use crate::domain::rivalry::{Group, group};
use crate::domain::routing::{Candidate, Route, RoutingRequest, choose_in_turn};
use crate::store::candidates;

/// The number of nearest warehouses to check before the search starts from the stock levels instead.
pub(super) const NEAR: usize = 16;

/// Finds the nearest active warehouse that can fill the whole demand.
///
/// Takes no lock, so the stock may have run out by the time it is reserved; [`crate::reserve`] then reports it as
/// stale. Distances are on the sphere, which differs from the ellipsoid by at most 0.5 %.
///
/// # Errors
/// When the database fails.
pub async fn route(
    connection: &mut Connection,
    tenant: TenantId,
    destination: Location,
    demand: &Demand,
) -> Result<Route, DbError> {
    let request = RoutingRequest {
        destination,
        demand,
    };
    let mut routes = route_together(connection, tenant, &[request], None).await?;
    Ok(routes.pop().expect("one request in, one route out"))
}

/// The nearest warehouse of each request, which is enough to route most of them.
#[derive(Debug)]
pub struct Nearest(Vec<Vec<Candidate>>);

/// Finds the nearest warehouse of each request, as a statement that can share a round trip with others.
pub fn find_nearest<'q>(
    tenant: TenantId,
    requests: &[RoutingRequest<'_>],
) -> Statement<'q, Nearest> {
    let (groups, _) = group(requests);
    let groups: Vec<&Group<'_>> = groups.iter().collect();
    candidates::find_nearest(tenant, &groups, 1).map(Nearest)
}

/// Routes several demands in order. Each gets the same answer as if it were routed alone, after the stock of the
/// earlier ones was held. `nearest` is the result of [`find_nearest`] for the same requests, if available.
///
/// # Errors
/// When the database fails.
pub async fn route_together(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[RoutingRequest<'_>],
    nearest: Option<Nearest>,
) -> Result<Vec<Route>, DbError> {
    let (groups, group_of) = group(requests);
    let found = find_candidates(connection, tenant, &groups, nearest).await?;
    let candidates: Vec<&[Candidate]> = group_of
        .into_iter()
        .map(|group| found[group].as_slice())
        .collect();
    Ok(choose_in_turn(requests, &candidates))
}

/// Returns the candidates of each group, nearest first. For most tenants the nearest warehouse suffices. If not, the
/// nearest [`NEAR`] are checked, and only if these don't suffice, the stock levels themselves are searched.
async fn find_candidates(
    connection: &mut Connection,
    tenant: TenantId,
    groups: &[Group<'_>],
    nearest: Option<Nearest>,
) -> Result<Vec<Vec<Candidate>>, DbError> {
    let mut search = Search::new(groups);
    if search.is_over() {
        return Ok(search.found);
    }
    let nearest = match nearest {
        Some(Nearest(nearest)) => nearest,
        None => {
            candidates::find_nearest(tenant, &search.open(), 1)
                .run(connection)
                .await?
        }
    };
    search.replace(nearest);
    if search.is_over() {
        return Ok(search.found);
    }
    let near = candidates::find_nearest(tenant, &search.open(), NEAR);
    search.replace(near.run(connection).await?);
    search.give_up_where(|candidates| candidates.len() < NEAR);
    if !search.is_over() {
        search.add(candidates::find_stocked(connection, tenant, &search.open()).await?);
    }
    Ok(search.found)
}

/// The candidates found for each group, and the groups that need more.
struct Search<'a> {
    groups: &'a [Group<'a>],
    found: Vec<Vec<Candidate>>,
    open: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(groups: &'a [Group<'a>]) -> Self {
        Self {
            groups,
            found: vec![Vec::new(); groups.len()],
            open: (0..groups.len()).collect(),
        }
    }

    fn open(&self) -> Vec<&'a Group<'a>> {
        self.open.iter().map(|group| &self.groups[*group]).collect()
    }

    fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// Replaces the candidates of the open groups.
    fn replace(&mut self, candidates: Vec<Vec<Candidate>>) {
        for (group, mut candidates) in self.open.iter().zip(candidates) {
            candidates.sort_by(Candidate::nearest_first);
            self.found[*group] = candidates;
        }
        let (groups, found) = (self.groups, &self.found);
        self.open
            .retain(|group| !groups[*group].is_settled_by(&found[*group]));
    }

    /// Closes the open groups for which no more candidates can be found.
    fn give_up_where(&mut self, exhausted: impl Fn(&[Candidate]) -> bool) {
        let found = &self.found;
        self.open.retain(|group| !exhausted(&found[*group]));
    }

    /// Adds candidates to the open groups.
    fn add(&mut self, candidates: Vec<Vec<Candidate>>) {
        for (group, more) in self.open.iter().zip(candidates) {
            let found = &mut self.found[*group];
            found.extend(more);
            found.sort_by(Candidate::nearest_first);
            found.dedup_by_key(|candidate| candidate.id);
        }
    }
}
