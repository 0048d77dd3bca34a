//! What is reported about endpoints that can't be reached.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::event::Subject;
use crate::domain::event_type::EventType;
use crate::domain::record::NewRecord;
use crate::domain::webhooks::endpoint::Endpoint;

/// How long an endpoint may fail before it is reported.
const REPORTED_AFTER: TimeDelta = TimeDelta::hours(1);
/// How long, and how often, an endpoint must fail before it is disabled.
const HOPELESS_AFTER: TimeDelta = TimeDelta::hours(120);
const HOPELESS_FAILURES: i32 = 10;

/// Why an endpoint is disabled: it answered 410.
pub(crate) const GONE: &str = "gone";
/// Why an endpoint is disabled: nothing reached it for five days.
pub(crate) const UNREACHABLE: &str = "unreachable";

const KIND: &str = "webhook_endpoint";
const FAILING: &str = "webhook_endpoint.failing";

/// Whether an endpoint has failed for so long that it is reported.
pub(crate) fn is_to_be_reported(failing: TimeDelta) -> bool {
    failing >= REPORTED_AFTER
}

/// Whether an endpoint has failed for so long, and so often, that it is disabled.
pub(crate) fn is_hopeless(failing: TimeDelta, failures: i32) -> bool {
    failing >= HOPELESS_AFTER && failures >= HOPELESS_FAILURES
}

/// What is to be reported about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Nothing has reached it for an hour.
    Failing { since: DateTime<Utc>, failures: i32 },
    /// It was disabled, for this reason.
    Disabled(&'static str),
    /// It has answered after it was reported as failing for this long.
    Recovered(TimeDelta),
}

impl Report {
    /// The event that reports it.
    pub(crate) fn record(self, endpoint: &Endpoint) -> NewRecord {
        let id = endpoint.id;
        let (event_type, data) = match self {
            Self::Failing { since, failures } => (
                FAILING,
                json!({ "endpointId": id, "failingSince": since, "failures": failures }),
            ),
            Self::Disabled(reason) => (
                "webhook_endpoint.disabled",
                json!({ "endpointId": id, "reason": reason }),
            ),
            Self::Recovered(failed_for) => (
                "webhook_endpoint.recovered",
                json!({ "endpointId": id, "failedForSeconds": failed_for.num_seconds() }),
            ),
        };
        NewRecord::new(event_type, Subject::new(KIND, id.as_uuid()), data)
    }
}

/// Returns the text of the alert about an endpoint that fails or was disabled.
pub fn endpoint_alert(event_type: &str, endpoint: Uuid, data: &Value) -> String {
    let member = |name: &str| data[name].as_str().unwrap_or_default();
    match (event_type, member("reason")) {
        (FAILING, _) => format!(
            "nothing has reached the webhook endpoint {endpoint} since {}; its events wait",
            member("failingSince")
        ),
        (_, GONE) => {
            format!(
                "the webhook endpoint {endpoint} was disabled: it answered 410; its events wait"
            )
        }
        _ => format!(
            "the webhook endpoint {endpoint} was disabled: nothing reached it for five days; its events wait"
        ),
    }
}

/// The types of events about endpoints. They are never sent to the endpoint that they are about.
pub const WEBHOOK_EVENT_TYPES: &[EventType] = &[
    EventType {
        name: FAILING,
        summary: "Nothing has reached a webhook endpoint for an hour.",
        subject: KIND,
        needs_operator: true,
        data: || {
            schema(&json!({
                "endpointId": { "type": "string", "format": "uuid" },
                "failingSince": { "type": "string", "format": "date-time" },
                "failures": { "type": "integer", "minimum": 1 },
            }))
        },
    },
    EventType {
        name: "webhook_endpoint.disabled",
        summary: "A webhook endpoint answered 410, or nothing reached it for five days.",
        subject: KIND,
        needs_operator: true,
        data: || {
            schema(&json!({
                "endpointId": { "type": "string", "format": "uuid" },
                "reason": { "type": "string", "enum": [GONE, UNREACHABLE] },
            }))
        },
    },
    EventType {
        name: "webhook_endpoint.recovered",
        summary: "A webhook endpoint that was reported as failing has answered.",
        subject: KIND,
        needs_operator: false,
        data: || {
            schema(&json!({
                "endpointId": { "type": "string", "format": "uuid" },
                "failedForSeconds": { "type": "integer", "minimum": 0 },
            }))
        },
    },
];

fn schema(properties: &Value) -> Value {
    let names: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys())
        .collect();
    json!({ "type": "object", "required": names, "properties": properties })
}
