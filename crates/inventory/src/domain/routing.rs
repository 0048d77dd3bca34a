//! The choice of a warehouse among candidates, and the account of it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use oms_validation::Location;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::allocation::LevelKey;
use crate::domain::demand::Demand;
use crate::{ProductId, WarehouseId};

/// Most candidates that a trace names, besides the chosen one. More can be looked at only when many warehouses are
/// at exactly one distance.
pub(crate) const MAX_TRACE_ENTRIES: usize = 16;

/// What a warehouse is looked for.
#[derive(Clone, Copy, Debug)]
pub struct RoutingRequest<'a> {
    /// Where the order goes.
    pub destination: Location,
    /// What it needs.
    pub demand: &'a Demand,
}

/// An active warehouse that routing looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) id: WarehouseId,
    pub(crate) name: String,
    /// On the sphere, from the destination.
    pub(crate) distance_m: f64,
    /// Pieces that may still be promised, one number for each product of the demand, in its order.
    pub(crate) available: Vec<i32>,
}

impl Candidate {
    /// The order in which candidates are considered: of two at one distance the one with the lower id comes first.
    pub(crate) fn nearest_first(&self, other: &Self) -> Ordering {
        let by_distance = self.distance_m.total_cmp(&other.distance_m);
        by_distance.then(self.id.cmp(&other.id))
    }
}

/// The answer of routing: the warehouse, if one can fill the demand, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `None` when no single warehouse can fill the whole demand.
    pub chosen: Option<ChosenWarehouse>,
    /// What was looked at.
    pub trace: RoutingTrace,
}

/// The nearest warehouse that can fill the demand.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenWarehouse {
    /// Its id.
    pub id: WarehouseId,
    /// Its name.
    pub name: String,
    /// Metres on the sphere, from the destination.
    pub distance_m: f64,
}

/// Why a warehouse was chosen: the candidates, nearest first. Stored with the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingTrace {
    /// Which shape it was stored in. An instance reads what a newer one has written as far as it knows it.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Where the order goes.
    pub destination: Location,
    /// The candidates that were looked at, nearest first; the chosen one, if there is one, comes last.
    pub candidates: Vec<TraceEntry>,
}

/// The shape in which traces are stored now.
pub(crate) const TRACE_VERSION: u32 = 1;

/// Traces of before they had a version.
fn first_version() -> u32 {
    1
}

/// One candidate of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEntry {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Its name at the time.
    #[schema(examples("Atlanta Distribution Center"))]
    pub warehouse_name: String,
    /// Metres on the sphere, from the destination.
    pub distance_m: i64,
    /// Chosen, or passed over.
    #[schema(value_type = KnownOutcome)]
    pub outcome: CandidateOutcome,
    /// What it had too little of; empty for the chosen one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<Shortage>,
}

/// The outcome of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// The nearest that can fill every line.
    Chosen,
    /// It can't fill every line.
    PassedOver,
    /// What a newer version of the program stored, in its word.
    #[serde(untagged)]
    Other(String),
}

/// The outcome of a candidate.
#[derive(ToSchema)]
#[schema(as = CandidateOutcome, rename_all = "snake_case")]
#[expect(dead_code, reason = "it documents what is written today")]
pub(crate) enum KnownOutcome {
    /// The nearest that can fill every line.
    Chosen,
    /// It can't fill every line.
    PassedOver,
}

/// Too little of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Pieces asked for.
    pub requested: i32,
    /// Pieces that could be promised.
    pub available: i32,
}

/// Chooses a warehouse for each of several demands, in their order, as if each before it had been served already: the
/// nearest candidate that can fill the whole demand with what they left; of several at one distance, the one with the
/// lowest id.
///
/// `candidates` has the candidates of each demand, nearest first.
pub(crate) fn choose_in_turn(
    requests: &[RoutingRequest<'_>],
    candidates: &[&[Candidate]],
) -> Vec<Route> {
    let mut taken = Taken::default();
    let routes = requests
        .iter()
        .zip(candidates)
        .map(|(request, candidates)| {
            let route = choose(request, candidates, &taken);
            if let Some(chosen) = &route.chosen {
                taken.add(chosen.id, request.demand);
            }
            route
        });
    routes.collect()
}

/// What is promised of each stock level to demands that were served before.
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

fn choose(request: &RoutingRequest<'_>, candidates: &[Candidate], taken: &Taken) -> Route {
    let mut chosen = None;
    let mut entries = Vec::new();
    for candidate in candidates {
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
