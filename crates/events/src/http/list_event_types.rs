//! `GET /event-types`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::EventsApi;
use super::document::schema_of;
use super::examples;

/// All types of events.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTypes, examples(examples::types))]
struct Body {
    /// By name.
    items: Vec<TypeBody>,
}

/// A type of event.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
struct TypeBody {
    /// Its name.
    #[serde(rename = "type")]
    #[schema(example = "order.paid")]
    name: &'static str,
    /// What happened.
    summary: &'static str,
    /// The JSON Schema (draft 2020-12) of an event of this type.
    #[schema(value_type = Object)]
    schema: Value,
}

/// Answers 200 with all types.
#[utoipa::path(
    get,
    path = "/event-types",
    operation_id = "listEventTypes",
    tag = "events",
    summary = "List event types",
    responses((status = 200, description = "All types, with their JSON Schemas.", body = Body)),
)]
pub(super) async fn list_event_types(
    api: web::Data<EventsApi>,
    _: CurrentTenant,
) -> Result<HttpResponse, ProblemResponse> {
    let mut types = api.work.context().types.clone();
    types.sort_unstable_by_key(|it| it.name);
    let body = |it: &&'static crate::domain::event_type::EventType| TypeBody {
        name: it.name,
        summary: it.summary,
        schema: schema_of(it),
    };
    let items = types.iter().map(body).collect();
    Ok(HttpResponse::Ok().json(Body { items }))
}
