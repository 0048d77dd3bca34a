//! The choice of a warehouse among candidates, and its trace.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use oms_validation::{Location, ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::allocation::LevelKey;
use crate::domain::demand::Demand;

/// Maximum candidates in a trace, besides the chosen one. Routing considers more only when many warehouses are at
/// exactly the same distance.
pub(crate) const MAX_TRACE_ENTRIES: usize = 16;

/// A request to choose a warehouse.
#[derive(Clone, Copy, Debug)]
pub struct RoutingRequest<'a> {
    /// Where the order ships to.
    pub destination: Location,
    /// What the order needs.
    pub demand: &'a Demand,
}

/// An active warehouse that routing considered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) id: WarehouseId,
    pub(crate) name: String,
    /// Distance from the destination on the sphere.
    pub(crate) distance_m: f64,
    /// Available units of each product of the demand, in the demand's order.
    pub(crate) available: Vec<i32>,
}

impl Candidate {
    /// Orders candidates by distance, and by ID at the same distance.
    pub(crate) fn nearest_first(&self, other: &Self) -> Ordering {
        let by_distance = self.distance_m.total_cmp(&other.distance_m);
        by_distance.then(self.id.cmp(&other.id))
    }
}

/// The result of routing: the warehouse, if one can fill the demand, and the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `None` when no single warehouse can fill the whole demand.
    pub chosen: Option<ChosenWarehouse>,
    /// The candidates that were considered.
    pub trace: RoutingTrace,
}

/// The nearest warehouse that can fill the demand.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenWarehouse {
    /// Its ID.
    pub id: WarehouseId,
    /// Its name.
    pub name: String,
    /// Distance from the destination on the sphere, in metres.
    pub distance_m: f64,
}

/// The considered candidates, nearest first, which explain the choice. Stored with the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingTrace {
    /// The version of its format. An instance reads the parts of a newer format that it knows.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Where the order ships to.
    pub destination: Location,
    /// The considered candidates, nearest first. The chosen one, if any, is the last.
    pub candidates: Vec<TraceEntry>,
}

/// The format in which traces are written.
pub(crate) const TRACE_VERSION: u32 = 1;

/// The version of traces that were stored before the field existed.
fn first_version() -> u32 {
    1
}

/// A candidate of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEntry {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The warehouse's name at the time of routing.
    #[schema(examples("Atlanta Distribution Center"))]
    pub warehouse_name: String,
    /// Distance from the destination on the sphere, in metres.
    pub distance_m: i64,
    /// Whether it was chosen or passed over.
    #[schema(value_type = KnownOutcome)]
    pub outcome: CandidateOutcome,
    /// The products that it has too little of; empty for the chosen one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<Shortage>,
}

/// The outcome of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// The nearest warehouse that can fill every line.
    Chosen,
    /// The warehouse can't fill every line.
    PassedOver,
    /// The units are to leave this warehouse, or it rejected the order before.
    Excluded,
    /// A value that a newer version of the program stored.
    #[serde(untagged)]
    Other(String),
}

/// The outcome of a candidate.
#[derive(ToSchema)]
#[schema(as = CandidateOutcome, rename_all = "snake_case")]
#[expect(dead_code, reason = "it documents the values that are written today")]
pub(crate) enum KnownOutcome {
    /// The nearest warehouse that can fill every line.
    Chosen,
    /// The warehouse can't fill every line.
    PassedOver,
    /// The units are to leave this warehouse, or it rejected the order before.
    Excluded,
}

/// A shortage of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Requested units.
    pub requested: i32,
    /// Available units.
    pub available: i32,
}

/// Chooses a warehouse for each of several demands in sequence, as if the earlier ones had already taken their stock.
/// The choice is the nearest candidate that can fill the whole demand from what is left, or the one with the lowest ID
/// among several at the same distance.
///
/// `candidates` lists the candidates of each demand, nearest first.
pub(crate) fn choose_in_turn(
    requests: &[RoutingRequest<'_>],
    candidates: &[&[Candidate]],
) -> Vec<Route> {
    let mut taken = Taken::default();
    let routes = requests
        .iter()
        .zip(candidates)
        .map(|(request, candidates)| {
            let route = choose(request, candidates, &taken, &BTreeSet::new());
            if let Some(chosen) = &route.chosen {
                taken.add(chosen.id, request.demand);
            }
            route
        });
    routes.collect()
}

/// Like [`choose_in_turn`] for one demand, which no excluded warehouse may fill.
pub(crate) fn choose_elsewhere(
    request: &RoutingRequest<'_>,
    candidates: &[Candidate],
    excluded: &BTreeSet<WarehouseId>,
) -> Route {
    choose(request, candidates, &Taken::default(), excluded)
}

/// The units of each stock level that earlier demands took.
#[derive(Default)]
struct Taken(BTreeMap<LevelKey, i32>);

impl Taken {
    fn add(&mut self, warehouse: WarehouseId, demand: &Demand) {
        for (product, quantity) in demand.iter() {
            *self.0.entry((warehouse, product)).or_default() += quantity;
        }
    }

    fn of(&self, warehouse: WarehouseId, product: ProductId) -> i32 {
        self.0.get(&(warehouse, product)).copied().unwrap_or(0)
    }
}

fn choose(
    request: &RoutingRequest<'_>,
    candidates: &[Candidate],
    taken: &Taken,
    excluded: &BTreeSet<WarehouseId>,
) -> Route {
    let mut chosen = None;
    let mut entries = Vec::new();
    for candidate in candidates {
        if excluded.contains(&candidate.id) {
            if entries.len() < MAX_TRACE_ENTRIES {
                entries.push(entry(candidate, CandidateOutcome::Excluded, Vec::new()));
            }
            continue;
        }
        let shortages = shortages(candidate, request.demand, taken);
        if shortages.is_empty() {
            entries.push(entry(candidate, CandidateOutcome::Chosen, shortages));
            chosen = Some(ChosenWarehouse {
                id: candidate.id,
                name: candidate.name.clone(),
                distance_m: candidate.distance_m,
            });
            break;
        }
        if entries.len() < MAX_TRACE_ENTRIES {
            entries.push(entry(candidate, CandidateOutcome::PassedOver, shortages));
        }
    }
    Route {
        chosen,
        trace: RoutingTrace {
            version: TRACE_VERSION,
            destination: request.destination,
            candidates: entries,
        },
    }
}

fn shortages(candidate: &Candidate, demand: &Demand, taken: &Taken) -> Vec<Shortage> {
    let shortage = |((product_id, requested), available): ((ProductId, i32), i32)| {
        let available = available - taken.of(candidate.id, product_id);
        (available < requested).then_some(Shortage {
            product_id,
            requested,
            available,
        })
    };
    let levels = demand.iter().zip(candidate.available.iter().copied());
    levels.filter_map(shortage).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "no two points on earth are 2^63 metres apart"
)]
fn entry(candidate: &Candidate, outcome: CandidateOutcome, shortages: Vec<Shortage>) -> TraceEntry {
    TraceEntry {
        warehouse_id: candidate.id,
        warehouse_name: candidate.name.clone(),
        distance_m: candidate.distance_m.round() as i64,
        outcome,
        shortages,
    }
}

#[cfg(test)]
mod tests;
