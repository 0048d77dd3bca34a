//! The contributions of each context, and of each shared crate that stores rows or refuses requests.

use oms_database::Grant;
use oms_errors::ProblemType;
use oms_events::EventType;

/// The contribution of a crate.
pub(crate) struct Part {
    /// Its problem types, for the API's document.
    pub(crate) problem_types: &'static [ProblemType],
    /// The privileges on its tables, for `oms-api grants`.
    pub(crate) grants: &'static [Grant],
}

/// The types of events that the contexts publish.
pub(crate) const EVENT_TYPES: &[&[EventType]] = &[
    oms_orders::EVENT_TYPES,
    oms_inventory::EVENT_TYPES,
    oms_events::WEBHOOK_EVENT_TYPES,
];

/// One row per crate.
pub(crate) const PARTS: &[Part] = &[
    Part {
        problem_types: oms_errors::PROBLEM_TYPES,
        grants: &[],
    },
    Part {
        problem_types: &[],
        grants: oms_database::GRANTS,
    },
    Part {
        problem_types: oms_access::PROBLEM_TYPES,
        grants: oms_access::GRANTS,
    },
    Part {
        problem_types: oms_geocoding::PROBLEM_TYPES,
        grants: oms_geocoding::GRANTS,
    },
    Part {
        problem_types: oms_events::PROBLEM_TYPES,
        grants: oms_events::GRANTS,
    },
    Part {
        problem_types: oms_events::WEBHOOK_PROBLEM_TYPES,
        grants: &[],
    },
    Part {
        problem_types: oms_payments::PROBLEM_TYPES,
        grants: oms_payments::GRANTS,
    },
    Part {
        problem_types: oms_inventory::PROBLEM_TYPES,
        grants: oms_inventory::GRANTS,
    },
    Part {
        problem_types: oms_fulfilment::PROBLEM_TYPES,
        grants: oms_fulfilment::GRANTS,
    },
    Part {
        problem_types: oms_orders::PROBLEM_TYPES,
        grants: oms_orders::GRANTS,
    },
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_context_has_a_row() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
        for entry in fs::read_dir(crates).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let its_codes = format!("{name}.");
            let mut types = PARTS.iter().flat_map(|part| part.problem_types);
            let has_row = types.any(|it| it.code.starts_with(&its_codes));
            // The console shows the problems of the contexts, and has none of its own.
            let has_none = ["shared", "console"].contains(&name.as_str());
            assert!(has_row || has_none, "{name}");
        }
    }
}
