//! Examples of choices, and a property that holds for all of them.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn demand(quantities: &[i32]) -> Demand {
    let lines = quantities.iter().enumerate();
    let wanted = lines.filter(|(_, quantity)| **quantity > 0);
    Demand::from_lines(wanted.map(|(i, q)| (Uuid::from_u128(i as u128 + 1).into(), *q))).unwrap()
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

fn choose_alone(candidates: &[Candidate], demand: &Demand) -> Route {
    let destination = destination();
    let request = RoutingRequest {
        destination,
        demand,
    };
    choose_in_turn(&[request], &[candidates]).pop().unwrap()
}

#[test]
fn the_nearest_warehouse_that_can_fill_every_line_is_chosen_and_the_trace_explains_nearer_ones() {
    let candidates = [
        candidate(0, 100.0, &[5, 1]),
        candidate(1, 500.0, &[0, 0]),
        candidate(2, 900.4, &[5, 5]),
    ];
    let route = choose_alone(&candidates, &demand(&[5, 2]));
    assert_eq!(route.chosen.unwrap().name, "warehouse 2");
    let trace = route.trace.candidates;
    assert_eq!(trace.len(), 3);
    assert_eq!(trace[0].shortages.len(), 1);
    let shortage = trace[0].shortages[0];
    assert_eq!((shortage.requested, shortage.available), (2, 1));
    assert_eq!(trace[1].shortages.len(), 2);
    let last = (trace[2].outcome.clone(), trace[2].distance_m);
    assert_eq!(last, (CandidateOutcome::Chosen, 900));
}

#[test]
fn a_trace_has_a_bounded_number_of_entries() {
    let candidates: Vec<_> = (0..500).map(|id| candidate(id, 10.0, &[0])).collect();
    let route = choose_alone(&candidates, &demand(&[1]));
    assert_eq!(route.chosen, None);
    assert_eq!(route.trace.candidates.len(), MAX_TRACE_ENTRIES);
}

#[test]
fn a_later_demand_is_routed_on_and_its_trace_shows_the_remaining_units() {
    let candidates = [candidate(0, 100.0, &[3]), candidate(1, 500.0, &[2])];
    let (two, one) = (demand(&[2]), demand(&[1]));
    let demands = [&two, &two, &one, &one];
    let requests = demands.map(|demand| RoutingRequest {
        destination: destination(),
        demand,
    });
    let routes = choose_in_turn(&requests, &[&candidates[..]; 4]);
    let names: Vec<_> = routes
        .iter()
        .map(|route| route.chosen.as_ref().map(|chosen| chosen.name.as_str()))
        .collect();
    let (first, second) = (Some("warehouse 0"), Some("warehouse 1"));
    assert_eq!(names, [first, second, first, None]);
    assert_eq!(routes[1].trace.candidates[0].shortages[0].available, 1);
    assert_eq!(routes[3].trace.candidates[1].shortages[0].available, 0);
}

proptest! {
    #[test]
    fn the_choice_is_the_nearest_warehouse_that_can_fill_the_demand(
        stock in prop::collection::vec((0..20_u32, prop::collection::vec(0..4_i32, 3)), 0..30),
        quantities in prop::collection::vec(1..4_i32, 3),
    ) {
        let demand = demand(&quantities);
        let mut candidates: Vec<Candidate> = stock.iter().enumerate()
            .map(|(id, (distance, available))| candidate(id as u128, f64::from(*distance), available))
            .collect();
        candidates.sort_by(Candidate::nearest_first);
        let fits = |c: &&Candidate| c.available.iter().zip(&quantities).all(|(a, q)| a >= q);
        let best = candidates.iter().find(fits);
        let route = choose_alone(&candidates, &demand);
        prop_assert_eq!(route.chosen.map(|chosen| chosen.id), best.map(|candidate| candidate.id));
    }
}

#[test]
fn traces_of_older_and_newer_versions_are_readable() {
    let stored = |version: &str, outcome: &str, more: &str| {
        format!(
            r#"{{{version}"destination":{{"lat":1.0,"lng":2.0}},"candidates":[{{"warehouseId":
               "00000001-0000-4000-8000-000000000000","warehouseName":"Here","distanceM":5,
               "outcome":"{outcome}"{more}}}]{more}}}"#
        )
    };
    let read = |text: &str| serde_json::from_str::<RoutingTrace>(text).unwrap();
    let old = read(&stored("", "passed_over", ""));
    assert_eq!(
        (old.version, &old.candidates[0].outcome),
        (1, &CandidateOutcome::PassedOver)
    );
    let new = read(&stored(
        "\"version\":7,",
        "too_slow",
        ",\"carrier\":{\"id\":1}",
    ));
    let outcome = CandidateOutcome::Other("too_slow".to_owned());
    assert_eq!((new.version, &new.candidates[0].outcome), (7, &outcome));
    let written = serde_json::to_value(&new).unwrap();
    assert_eq!(written["candidates"][0]["outcome"], "too_slow");
}
