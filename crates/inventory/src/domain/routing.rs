//! The choice of a warehouse among candidates, and the account of it.

use oms_validation::Location;
use serde::{Deserialize, Serialize};

use crate::domain::demand::Demand;
use crate::{ProductId, WarehouseId};

/// Most candidates that a trace names, besides the chosen one. More can be looked at only when many warehouses are
/// at exactly one distance.
const MAX_TRACE_ENTRIES: usize = 32;

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
    /// Where the order goes.
    pub destination: Location,
    /// The candidates that were looked at, nearest first; the chosen one, if there is one, comes last.
    pub candidates: Vec<TraceEntry>,
}

/// One candidate of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceEntry {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Its name at the time.
    pub warehouse_name: String,
    /// Metres on the sphere, from the destination.
    pub distance_m: i64,
    /// Chosen, or passed over.
    pub outcome: CandidateOutcome,
    /// What it had too little of; empty for the chosen one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<Shortage>,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// The nearest that can fill every line.
    Chosen,
    /// It can't fill every line.
    PassedOver,
}

/// Too little of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Pieces asked for.
    pub requested: i32,
    /// Pieces that could be promised.
    pub available: i32,
}

/// Chooses the nearest candidate that can fill the whole demand; of several at one distance, the one with the lowest id.
pub(crate) fn choose(
    destination: Location,
    mut candidates: Vec<Candidate>,
    demand: &Demand,
) -> Route {
    candidates.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.id.cmp(&b.id)));
    let mut entries = Vec::new();
    for candidate in candidates {
        let shortages = shortages(&candidate, demand);
        if shortages.is_empty() {
            entries.push(entry(&candidate, CandidateOutcome::Chosen, shortages));
            let Candidate {
                id,
                name,
                distance_m,
                ..
            } = candidate;
            return Route {
                chosen: Some(ChosenWarehouse {
                    id,
                    name,
                    distance_m,
                }),
                trace: RoutingTrace {
                    destination,
                    candidates: entries,
                },
            };
        }
        if entries.len() < MAX_TRACE_ENTRIES {
            entries.push(entry(&candidate, CandidateOutcome::PassedOver, shortages));
        }
    }
    Route {
        chosen: None,
        trace: RoutingTrace {
            destination,
            candidates: entries,
        },
    }
}

fn shortages(candidate: &Candidate, demand: &Demand) -> Vec<Shortage> {
    let available = candidate
        .available
        .iter()
        .copied()
        .chain(std::iter::repeat(0));
    demand
        .iter()
        .zip(available)
        .filter(|((_, requested), available)| available < requested)
        .map(|((product_id, requested), available)| Shortage {
            product_id,
            requested,
            available,
        })
        .collect()
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
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn demand(quantities: &[i32]) -> Demand {
        let lines = quantities.iter().enumerate();
        Demand::from_lines(lines.map(|(i, q)| (Uuid::from_u128(i as u128 + 1).into(), *q))).unwrap()
    }

    fn candidate(id: u128, distance_m: f64, available: &[i32]) -> Candidate {
        Candidate {
            id: Uuid::from_u128(id + 1).into(),
            name: format!("warehouse {id}"),
            distance_m,
            available: available.to_vec(),
        }
    }

    fn destination() -> Location {
        Location::new(33.749, -84.388).unwrap()
    }

    #[test]
    fn the_nearest_that_can_fill_every_line_is_chosen_and_the_nearer_ones_are_explained() {
        let candidates = vec![
            candidate(2, 900.4, &[5, 5]),
            candidate(0, 100.0, &[5, 1]),
            candidate(1, 500.0, &[0, 0]),
        ];
        let route = choose(destination(), candidates, &demand(&[5, 2]));
        assert_eq!(route.chosen.unwrap().name, "warehouse 2");
        let trace = route.trace.candidates;
        assert_eq!(trace.len(), 3);
        assert_eq!(trace[0].shortages.len(), 1);
        assert_eq!(
            (
                trace[0].shortages[0].requested,
                trace[0].shortages[0].available
            ),
            (2, 1)
        );
        assert_eq!(trace[1].shortages.len(), 2);
        assert_eq!(
            (trace[2].outcome, trace[2].distance_m),
            (CandidateOutcome::Chosen, 900)
        );
    }

    #[test]
    fn of_two_at_one_distance_the_lower_id_is_chosen() {
        let candidates = vec![candidate(7, 10.0, &[1]), candidate(3, 10.0, &[1])];
        let route = choose(destination(), candidates, &demand(&[1]));
        assert_eq!(route.chosen.unwrap().name, "warehouse 3");
    }

    #[test]
    fn a_trace_stays_bounded() {
        let candidates = (0..500).map(|id| candidate(id, 10.0, &[0])).collect();
        let route = choose(destination(), candidates, &demand(&[1]));
        assert_eq!(route.chosen, None);
        assert_eq!(route.trace.candidates.len(), MAX_TRACE_ENTRIES);
    }

    proptest! {
        #[test]
        fn the_choice_can_fill_the_demand_and_none_that_can_is_nearer(
            stock in prop::collection::vec((0..20_u32, prop::collection::vec(0..4_i32, 3)), 0..30),
            quantities in prop::collection::vec(1..4_i32, 3),
        ) {
            let demand = demand(&quantities);
            let candidates: Vec<Candidate> = stock.iter().enumerate()
                .map(|(id, (distance, available))| candidate(id as u128, f64::from(*distance), available))
                .collect();
            let fits = |c: &Candidate| c.available.iter().zip(&quantities).all(|(a, q)| a >= q);
            let best = candidates.iter().filter(|c| fits(c))
                .min_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.id.cmp(&b.id)));
            let route = choose(destination(), candidates.clone(), &demand);
            prop_assert_eq!(route.chosen.map(|chosen| chosen.id), best.map(|candidate| candidate.id));
        }
    }
}
