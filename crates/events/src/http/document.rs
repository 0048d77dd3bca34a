//! The feed in the OpenAPI document: schemas, and its events under `webhooks`.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::representation::{EventBody, SubjectBody};
use crate::domain::event_type::EventType;
use crate::domain::feed::{FeedLimit, FeedWait};

/// Schemas that only parameters refer to, or nothing but bodies that are written by hand.
#[derive(OpenApi)]
#[openapi(components(schemas(FeedLimit, FeedWait, EventBody, SubjectBody)))]
pub struct EventsSchemas;

/// The JSON Schema of events of a type.
pub(super) fn schema_of(event_type: &EventType) -> Value {
    let uuid = json!({ "type": "string", "format": "uuid" });
    let mut schema = json!({
        "type": "object",
        "description": event_type.summary,
        "required": ["id", "type", "timestamp", "tenantId", "subject", "data"],
        "properties": {
            "id": { "type": "string", "pattern": "^evt_[0-9a-f]{32}(_[0-9]+)?$" },
            "type": { "type": "string", "const": event_type.name },
            "timestamp": { "type": "string", "format": "date-time" },
            "tenantId": uuid,
            "subject": {
                "type": "object",
                "required": ["type", "id"],
                "properties": {
                    "type": { "type": "string", "const": event_type.subject },
                    "id": uuid,
                },
            },
            "data": (event_type.data)(),
        },
    });
    if event_type.subject == "order" {
        schema["properties"]["sequence"] = json!({ "type": "integer", "minimum": 1 });
        let required = schema["required"].as_array_mut();
        required.expect("it is a list").push(json!("sequence"));
    }
    schema
}

/// The member `webhooks` of the OpenAPI document: each type of event.
pub fn webhooks(types: &[&'static [EventType]]) -> Value {
    let webhook = |event_type: &EventType| {
        let operation = json!({
            "operationId": format!("on_{}", event_type.name.replace('.', "_")),
            "tags": ["events"],
            "summary": event_type.summary,
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": schema_of(event_type) } },
            },
            "responses": { "200": { "description": "The event was taken." } },
        });
        (event_type.name.to_owned(), json!({ "post": operation }))
    };
    let all = types.iter().copied().flatten().map(webhook);
    Value::Object(all.collect::<Map<_, _>>())
}
