//! Why an order comes from its warehouse: the map, and the stored sentences beside it.

use std::collections::HashMap;

use oms_inventory::{CandidateOutcome, TraceEntry, Warehouse};
use oms_orders::OrderDetails;
use oms_validation::WarehouseId;

use crate::pictures::{Map, Mark, Place, Shape, map};

/// Why.
pub(super) struct Routing {
    pub(super) summary: String,
    /// The class of the mark, and the sentence.
    pub(super) reasons: Vec<(&'static str, String)>,
    /// SVG, or nothing if personal data was erased.
    pub(super) map: String,
}

pub(super) fn routing(
    details: &OrderDetails,
    warehouses: &HashMap<WarehouseId, Warehouse>,
) -> Routing {
    let (trace, explanation) = (&details.order.routing, &details.explanation);
    let class = |entry: &TraceEntry| match entry.outcome {
        CandidateOutcome::Chosen => "chosen",
        CandidateOutcome::PassedOver => "cannot",
        CandidateOutcome::Excluded | CandidateOutcome::Other(_) => "passed",
    };
    let reasons = trace.candidates.iter().zip(&explanation.candidates);
    let reasons = reasons.map(|(entry, sentence)| (class(entry), sentence.clone()));
    Routing {
        summary: explanation.summary.clone(),
        reasons: reasons.collect(),
        map: match details.order.erased_at {
            None => picture(details, warehouses),
            Some(_) => String::new(),
        },
    }
}

fn picture(details: &OrderDetails, warehouses: &HashMap<WarehouseId, Warehouse>) -> String {
    let trace = &details.order.routing;
    let destination = Place {
        name: "Destination",
        location: trace.destination,
        mark: Mark::Destination,
        km: None,
    };
    let known = trace.candidates.iter().filter_map(|entry| {
        let warehouse = warehouses.get(&entry.warehouse_id)?;
        let metres = i32::try_from(entry.distance_m).unwrap_or(i32::MAX);
        Some((entry, warehouse.location, f64::from(metres) / 1000.0))
    });
    let known: Vec<_> = known.collect();
    // What comes first is labelled first.
    let chosen = known.iter().rev().map(|(entry, location, km)| Place {
        name: &entry.warehouse_name,
        location: *location,
        mark: match entry.outcome {
            CandidateOutcome::Chosen => Mark::Chosen,
            CandidateOutcome::PassedOver => Mark::Unable,
            CandidateOutcome::Excluded | CandidateOutcome::Other(_) => Mark::PassedOver,
        },
        km: Some(*km),
    });
    let places: Vec<Place<'_>> = [destination].into_iter().chain(chosen).collect();
    map(&Map {
        title: &details.explanation.summary,
        places: &places,
        shape: Shape::Small,
    })
}
