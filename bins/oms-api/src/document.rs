//! Builds the OpenAPI 3.1 document from the operations of all routes.
//!
//! Handlers describe their operations with `utoipa::path`. The rest is derived from the table of routes and from each
//! operation: the credentials that it requires, the problems that it shares with others, and the headers of its
//! answers.

mod components;
mod nulls;
#[cfg(test)]
mod reference;
mod reuse;
#[cfg(test)]
mod tests;

use oms_errors::{
    BODY_TIMEOUT, BODY_TOO_LARGE, DATABASE_DENIED, DATABASE_UNAVAILABLE, HEAD_TOO_LARGE, INTERNAL,
    INVALID_REQUEST, OVERLOADED, ProblemType, UNAUTHENTICATED, UNSUPPORTED_MEDIA_TYPE,
};
use oms_events::http::{EventsSchemas, WebhooksSchemas, webhooks};
use oms_fulfilment::http::FulfilmentSchemas;
use oms_inventory::http::InventorySchemas;
use oms_orders::http::OrdersSchemas;
use oms_web::Access;
use oms_web::openapi::{PagesOfNamedItems, codes_of, example, header, refusals};
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, Response};
use utoipa::{Modify as _, OpenApi as _};

use crate::parts::{EVENT_TYPES, PARTS};
use crate::routes::{MatchedRoute, ROUTES};

/// Problems of every request with a credential, whatever its route.
const OF_CREDENTIALS: &[&ProblemType] = &[
    &UNAUTHENTICATED,
    &oms_errors::FORBIDDEN,
    &oms_access::RATE_LIMITED,
    &oms_access::ISSUER_UNAVAILABLE,
];

/// Problems of every request that counts as in flight.
const OF_THE_SERVICE: &[&ProblemType] = &[
    &HEAD_TOO_LARGE,
    &OVERLOADED,
    &DATABASE_UNAVAILABLE,
    &DATABASE_DENIED,
    &INTERNAL,
];

/// Problems of every JSON body, whatever its content.
const OF_A_BODY: &[&ProblemType] = &[
    &INVALID_REQUEST,
    &BODY_TIMEOUT,
    &BODY_TOO_LARGE,
    &UNSUPPORTED_MEDIA_TYPE,
];

/// Problems that inventory passes on from the geocoder, which it knows only by its port.
const OF_ADDRESSES: &[&ProblemType] = &[
    &oms_geocoding::ADDRESS_NOT_FOUND,
    &oms_geocoding::UNAVAILABLE,
];

/// All problem types.
fn problem_types() -> impl Iterator<Item = &'static ProblemType> {
    PARTS.iter().flat_map(|part| part.problem_types)
}

/// The document as it is served and printed.
pub(crate) fn text() -> String {
    let document = document();
    serde_json::to_string_pretty(&document).expect("its keys are strings")
}

fn document() -> Value {
    let mut document = components::Overview::openapi();
    document.merge(OrdersSchemas::openapi());
    document.merge(InventorySchemas::openapi());
    document.merge(FulfilmentSchemas::openapi());
    document.merge(EventsSchemas::openapi());
    document.merge(WebhooksSchemas::openapi());
    for route in ROUTES.iter() {
        document.merge(route.document());
    }
    PagesOfNamedItems.modify(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(route) = MatchedRoute::find(method, path) {
                let more = match (method, path.as_str()) {
                    ("POST", "/warehouses") | ("PATCH", "/warehouses/{id}") => OF_ADDRESSES,
                    _ => &[],
                };
                complete(operation, route.access(), more);
            }
        }
    }
    reuse::share_refusals(&mut document);
    components::add_components(&mut document);
    let mut document = serde_json::to_value(&document).expect("its keys are strings");
    document["webhooks"] = webhooks(EVENT_TYPES);
    nulls::strip(&mut document);
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    operations
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds the parts that are derived from the route and the operation.
fn complete(operation: &mut Operation, access: Access, more: &[&'static ProblemType]) {
    operation.security = Some(security(access));
    let mut types = shared_refusals(operation, access);
    types.extend(more);
    let responses = &mut operation.responses.responses;
    for response in responses.values() {
        let codes = match response {
            RefOr::T(response) => codes_of(response),
            RefOr::Ref(_) => Vec::new(),
        };
        types.extend(problem_types().filter(|it| codes.contains(&it.code)));
    }
    for (status, refusal) in refusals(&types, &[]) {
        let own = responses.insert(status.clone(), refusal);
        // Only the operation's own refusals declare a `Location`.
        if let (Some(RefOr::T(own)), Some(RefOr::T(refusal))) = (own, responses.get_mut(&status)) {
            refusal.headers.extend(own.headers);
        }
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response {
            complete_headers(response, status, access);
        }
    }
}

fn security(access: Access) -> Vec<SecurityRequirement> {
    match access {
        Access::Open => vec![],
        Access::Signed => vec![SecurityRequirement::new::<_, [&str; 0], _>(
            components::SIGNATURE,
            [],
        )],
        Access::Scope(scope) => [components::API_KEY, components::TOKEN]
            .map(|scheme| SecurityRequirement::new(scheme, [scope.as_str()]))
            .into(),
    }
}

fn shared_refusals(operation: &Operation, access: Access) -> Vec<&'static ProblemType> {
    let mut types = Vec::new();
    match access {
        Access::Open => return types,
        Access::Signed => types.extend(OF_THE_SERVICE),
        Access::Scope(_) => {
            types.extend(OF_CREDENTIALS);
            types.extend(OF_THE_SERVICE);
            if operation.request_body.is_some() {
                types.extend(OF_A_BODY);
            }
        }
    }
    let parameters = operation.parameters.iter().flatten();
    let is_of_a_query = |parameter: &RefOr<_>| match parameter {
        RefOr::T(utoipa::openapi::path::Parameter { parameter_in, .. }) => {
            *parameter_in == ParameterIn::Query
        }
        RefOr::Ref(_) => false,
    };
    if parameters.into_iter().any(is_of_a_query) {
        types.push(&INVALID_REQUEST);
    }
    types
}

/// Handlers only name their headers. The descriptions are among the components.
fn complete_headers(response: &mut Response, status: &str, access: Access) {
    let mut names: Vec<String> = response.headers.keys().cloned().collect();
    names.push("X-Request-Id".to_owned());
    if matches!(access, Access::Scope(_)) && status != "401" {
        names.extend(["RateLimit", "RateLimit-Policy"].map(str::to_owned));
    }
    let headers = names.into_iter().map(|name| (name.clone(), header(&name)));
    response.headers = headers.collect();
}
