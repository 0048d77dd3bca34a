//! The explanation of a routing choice in plain sentences.

use std::collections::HashMap;

use oms_validation::ProductId;

use crate::domain::routing::{
    CandidateOutcome, MAX_TRACE_ENTRIES, RoutingTrace, Shortage, TraceEntry,
};

/// A routing trace in plain sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteExplanation {
    /// The chosen warehouse and the reason, or the reason that none was chosen.
    pub summary: String,
    /// One sentence per candidate, in the order of the trace: why it was chosen or passed over.
    pub candidates: Vec<String>,
}

/// Explains a trace. A product that is missing in `skus` is named by its ID.
pub(crate) fn explain(trace: &RoutingTrace, skus: &HashMap<ProductId, String>) -> RouteExplanation {
    let candidates = trace.candidates.iter();
    RouteExplanation {
        summary: summary(&trace.candidates),
        candidates: candidates.map(|entry| sentence(entry, skus)).collect(),
    }
}

fn summary(candidates: &[TraceEntry]) -> String {
    let is_chosen = |entry: &&TraceEntry| entry.outcome == CandidateOutcome::Chosen;
    let chosen = candidates.iter().find(is_chosen);
    let nearer = candidates.len() - usize::from(chosen.is_some());
    let Some(chosen) = chosen else {
        return match nearer {
            0 => "There is no active warehouse.".to_owned(),
            MAX_TRACE_ENTRIES.. => format!(
                "No single warehouse has everything that was ordered; these are the {MAX_TRACE_ENTRIES} nearest."
            ),
            _ => "No single warehouse has everything that was ordered.".to_owned(),
        };
    };
    let name = &chosen.warehouse_name;
    match nearer {
        0 => format!("{name} is the nearest warehouse, and has everything that was ordered."),
        MAX_TRACE_ENTRIES.. => format!(
            "{name} is the nearest warehouse that has everything that was ordered; of the nearer ones, \
             these are the {MAX_TRACE_ENTRIES} nearest."
        ),
        _ => format!("{name} is the nearest warehouse that has everything that was ordered."),
    }
}

fn sentence(entry: &TraceEntry, skus: &HashMap<ProductId, String>) -> String {
    let name = &entry.warehouse_name;
    let distance = distance(entry.distance_m);
    match &entry.outcome {
        CandidateOutcome::Chosen => {
            format!("{name} is {distance} away and has everything that was ordered.")
        }
        CandidateOutcome::PassedOver => {
            let lacks = entry.shortages.iter().map(|it| lack(it, skus)).collect();
            format!("{name} is {distance} away but has {}.", listed(lacks))
        }
        CandidateOutcome::Excluded => {
            format!("{name} is {distance} away but may not send it.")
        }
        CandidateOutcome::Other(outcome) => {
            format!(
                "{name} is {distance} away; a newer version of the program recorded the outcome {outcome}."
            )
        }
    }
}

/// Completes "it has …".
fn lack(shortage: &Shortage, skus: &HashMap<ProductId, String>) -> String {
    let Shortage {
        product_id,
        requested,
        available,
    } = *shortage;
    let sku = skus.get(&product_id).cloned();
    let sku = sku.unwrap_or_else(|| product_id.to_string());
    match (available, requested) {
        (..=0, 1) => format!("no units of {sku}"),
        (..=0, _) => format!("none of the {requested} units of {sku} that were ordered"),
        _ => format!("only {available} of the {requested} units of {sku} that were ordered"),
    }
}

fn listed(mut parts: Vec<String>) -> String {
    match (parts.pop(), parts.is_empty()) {
        (Some(last), false) => format!("{} and {last}", parts.join(", ")),
        (last, _) => last.unwrap_or_else(|| "too little".to_owned()),
    }
}

/// A distance for people: in metres below 1 km, in tenths of a kilometre below 10 km, in kilometres above.
fn distance(metres: i64) -> String {
    let tenths = (metres + 50) / 100;
    match (metres, tenths) {
        (..1000, _) => format!("{metres} m"),
        (_, 100..) => format!("{} km", (metres + 500) / 1000),
        _ if tenths % 10 == 0 => format!("{} km", tenths / 10),
        _ => format!("{}.{} km", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use oms_validation::Location;
    use uuid::Uuid;

    use super::*;

    fn product(number: u128) -> ProductId {
        Uuid::from_u128(number).into()
    }

    fn skus() -> HashMap<ProductId, String> {
        let sku = |number: u128| (product(number), format!("SKU-{number}"));
        [1, 2, 3].map(sku).into()
    }

    fn passed_over(name: &str, distance_m: i64, shortages: &[(u128, i32, i32)]) -> TraceEntry {
        let shortage = |(number, available, requested): &(u128, i32, i32)| Shortage {
            product_id: product(*number),
            requested: *requested,
            available: *available,
        };
        TraceEntry {
            warehouse_id: Uuid::from_u128(9).into(),
            warehouse_name: name.to_owned(),
            distance_m,
            outcome: CandidateOutcome::PassedOver,
            shortages: shortages.iter().map(shortage).collect(),
        }
    }

    fn chosen(name: &str, distance_m: i64) -> TraceEntry {
        TraceEntry {
            outcome: CandidateOutcome::Chosen,
            ..passed_over(name, distance_m, &[])
        }
    }

    fn explained(candidates: Vec<TraceEntry>) -> RouteExplanation {
        let trace = RoutingTrace {
            version: 1,
            destination: Location::new(52.5, 13.4).unwrap(),
            candidates,
        };
        explain(&trace, &skus())
    }

    #[test]
    fn each_candidate_s_sentence_states_its_distance_and_its_shortages() {
        let told = explained(vec![
            passed_over("Warehouse Berlin", 3_020, &[(1, 1, 2)]),
            passed_over("Potsdam", 26_400, &[(1, 0, 2), (2, 0, 1)]),
            passed_over("Halle", 148_600, &[(1, 1, 2), (2, 0, 1), (7, 3, 5)]),
            chosen("Leipzig", 149_500),
        ]);
        assert_eq!(
            told.candidates,
            [
                "Warehouse Berlin is 3 km away but has only 1 of the 2 units of SKU-1 that were ordered.",
                "Potsdam is 26 km away but has none of the 2 units of SKU-1 that were ordered and no units of SKU-2.",
                "Halle is 149 km away but has only 1 of the 2 units of SKU-1 that were ordered, no units of SKU-2 and \
                 only 3 of the 5 units of 00000000-0000-0000-0000-000000000007 that were ordered.",
                "Leipzig is 150 km away and has everything that was ordered.",
            ]
        );
        assert_eq!(
            told.summary,
            "Leipzig is the nearest warehouse that has everything that was ordered."
        );
    }

    #[test]
    fn the_summary_names_the_chosen_warehouse_or_the_reason_for_none() {
        let lacking = |count| vec![passed_over("Berlin", 3_000, &[(1, 0, 1)]); count];
        let with_chosen = |count| {
            let mut candidates = lacking(count);
            candidates.push(chosen("Leipzig", 149_000));
            explained(candidates).summary
        };
        assert_eq!(
            explained(lacking(0)).summary,
            "There is no active warehouse."
        );
        assert_eq!(
            explained(lacking(2)).summary,
            "No single warehouse has everything that was ordered."
        );
        assert_eq!(
            explained(lacking(32)).summary,
            "No single warehouse has everything that was ordered; these are the 16 nearest."
        );
        assert_eq!(
            with_chosen(0),
            "Leipzig is the nearest warehouse, and has everything that was ordered."
        );
        assert_eq!(
            with_chosen(32),
            "Leipzig is the nearest warehouse that has everything that was ordered; of the nearer ones, these are the \
             16 nearest."
        );
    }

    #[test]
    fn distances_are_rounded_to_a_readable_unit() {
        let said = [
            (0, "0 m"),
            (979, "979 m"),
            (1_000, "1 km"),
            (1_049, "1 km"),
            (1_050, "1.1 km"),
            (9_949, "9.9 km"),
            (9_950, "10 km"),
            (20_015_000, "20015 km"),
        ];
        for (metres, expected) in said {
            assert_eq!(distance(metres), expected);
        }
    }
}
