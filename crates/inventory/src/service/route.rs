//! Routing: which warehouse an order shall come from.

use oms_database::{Connection, DbError, Statement};
use oms_validation::{Location, TenantId};

use crate::domain::demand::Demand;
use crate::domain::rivalry::{Group, group};
use crate::domain::routing::{Candidate, Route, RoutingRequest, choose_in_turn};
use crate::store::candidates;

/// How many of the nearest warehouses are walked before stock is looked for from the other side.
const NEAR: usize = 16;

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
    let request = RoutingRequest {
        destination,
        demand,
    };
    let mut routes = route_together(connection, tenant, &[request], None).await?;
    Ok(routes.pop().expect("one request in, one route out"))
}

/// The nearest warehouse of each request, which settles most of them.
#[derive(Debug)]
pub struct Nearest(Vec<Vec<Candidate>>);

/// Finds what routing asks for first, so that it can be sent together with something else.
pub fn find_nearest<'q>(
    tenant: TenantId,
    requests: &[RoutingRequest<'_>],
) -> Statement<'q, Nearest> {
    let (groups, _) = group(requests);
    let groups: Vec<&Group<'_>> = groups.iter().collect();
    candidates::find_nearest(tenant, &groups, 1).map(Nearest)
}

/// Routes several demands in their order: each gets the answer that it would get alone, after the stock of those before
/// it was held. `nearest` is what [`find_nearest`] found for the same requests, if it was asked.
///
/// # Errors
/// When the database can't be asked.
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

/// The candidates of each group, nearest first. In most stores the nearest warehouse settles it; then a walk of the
/// near ones; and only where none of them can is the stock itself looked through.
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

/// What was found for each group, and which groups need more.
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

    /// Takes the candidates of the open groups in place of what they had.
    fn replace(&mut self, candidates: Vec<Vec<Candidate>>) {
        for (group, mut candidates) in self.open.iter().zip(candidates) {
            candidates.sort_by(Candidate::nearest_first);
            self.found[*group] = candidates;
        }
        let (groups, found) = (self.groups, &self.found);
        self.open
            .retain(|group| !groups[*group].is_settled_by(&found[*group]));
    }

    /// There is nothing more to be found for the groups of which this is true.
    fn give_up_where(&mut self, exhausted: impl Fn(&[Candidate]) -> bool) {
        let found = &self.found;
        self.open.retain(|group| !exhausted(&found[*group]));
    }

    /// Adds to what the open groups had.
    fn add(&mut self, candidates: Vec<Vec<Candidate>>) {
        for (group, more) in self.open.iter().zip(candidates) {
            let found = &mut self.found[*group];
            found.extend(more);
            found.sort_by(Candidate::nearest_first);
            found.dedup_by_key(|candidate| candidate.id);
        }
    }
}
