//! Moves refusals that several operations share to the components.

use std::collections::BTreeMap;

use oms_web::openapi::codes_of;
use utoipa::openapi::{Components, OpenApi, Ref, RefOr, Response};

use super::operations;

/// Replaces every refusal that appears identically in several operations by a reference to a component, named after its
/// codes.
pub(super) fn share_refusals(document: &mut OpenApi) {
    let mut seen: BTreeMap<String, Vec<(Response, usize)>> = BTreeMap::new();
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values() {
                if let RefOr::T(response) = response
                    && let Some(name) = name_of(response)
                {
                    let alike = seen.entry(name).or_default();
                    match alike.iter_mut().find(|(it, _)| it == response) {
                        Some((_, count)) => *count += 1,
                        None => alike.push((response.clone(), 1)),
                    }
                }
            }
        }
    }
    let shared = seen.into_iter().filter_map(|(name, alike)| {
        let (response, count) = alike.into_iter().max_by_key(|(_, count)| *count)?;
        (count > 1).then_some((name, response))
    });
    let shared: BTreeMap<String, Response> = shared.collect();
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values_mut() {
                refer(response, &shared);
            }
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    let shared = shared
        .into_iter()
        .map(|(name, response)| (name, RefOr::T(response)));
    components.responses.extend(shared);
}

fn refer(response: &mut RefOr<Response>, shared: &BTreeMap<String, Response>) {
    let RefOr::T(own) = response else {
        return;
    };
    if let Some(name) = name_of(own)
        && shared.get(&name) == Some(own)
    {
        *response = RefOr::Ref(Ref::new(format!("#/components/responses/{name}")));
    }
}

fn name_of(response: &Response) -> Option<String> {
    let codes = codes_of(response);
    (!codes.is_empty()).then(|| codes.join("-"))
}
