//! Endpoints, deliveries and tries as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::Cursor;
use oms_web::etag;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::domain::event::Event;
use crate::domain::feed::FeedPosition;
use crate::domain::webhooks::attempt::{Attempt, AttemptId, AttemptOutcome, AttemptTrigger};
use crate::domain::webhooks::endpoint::{
    Description, Endpoint, EndpointId, EndpointStatus, MaxInFlight, Ordering, Signing,
};
use crate::domain::webhooks::pending::{Delivery, DeliveryState};
use crate::http::examples;
use crate::service::webhooks::create_endpoint::CreatedEndpoint;

/// Schemas that only parameters refer to.
#[derive(OpenApi)]
#[openapi(components(schemas(AttemptOutcome, DeliveryState, MaxInFlight)))]
pub struct WebhooksSchemas;

/// A webhook endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEndpoint, examples(examples::endpoint))]
pub(super) struct EndpointBody {
    id: EndpointId,
    #[schema(example = "https://erp.example.com/oms")]
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    /// Names, and areas such as `order.*`. Empty: all types.
    types: Vec<String>,
    ordering: Ordering,
    signing: Signing,
    max_in_flight: i32,
    status: EndpointStatus,
    /// Why it is paused or disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// Its place: it has received every event up to here, except those that `GET /webhook-endpoints/{id}/deliveries`
    /// lists. A cursor of `GET /events`.
    cursor: String,
    /// Since when nothing reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<DateTime<Utc>>,
    /// How many tries failed since then.
    failures: i32,
    /// The keys that verify its webhooks, newest first. Only with `ed25519`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    public_keys: Vec<String>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl EndpointBody {
    pub(super) fn of(endpoint: Endpoint, public_keys: Vec<String>) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            types: endpoint.types,
            ordering: endpoint.ordering,
            signing: endpoint.signing,
            max_in_flight: endpoint.max_in_flight,
            status: endpoint.status,
            status_reason: endpoint.status_reason,
            cursor: Cursor(FeedPosition(endpoint.position)).to_string(),
            failing_since: endpoint.failing_since,
            failures: endpoint.failures,
            public_keys,
            version: endpoint.version,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// A webhook endpoint with what its receiver verifies webhooks with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedWebhookEndpoint, examples(examples::created_endpoint))]
pub(super) struct CreatedBody {
    #[serde(flatten)]
    endpoint: EndpointBody,
    /// With `hmac` the shared secret, which is shown only once: `whsec_` and 32 bytes as base64. With `ed25519` the public
    /// key: `whpk_` and 32 bytes as base64.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    verification_key: String,
}

/// Answers with an endpoint and its version as `ETag`.
pub(super) fn answer(
    mut response: HttpResponseBuilder,
    endpoint: Endpoint,
    public_keys: Vec<String>,
) -> HttpResponse {
    response
        .insert_header(etag(endpoint.version))
        .json(EndpointBody::of(endpoint, public_keys))
}

/// Answers with an endpoint, what verifies its webhooks, and its version as `ETag`.
pub(super) fn created(mut response: HttpResponseBuilder, created: CreatedEndpoint) -> HttpResponse {
    response
        .insert_header(etag(created.endpoint.version))
        // A secret must not stay in a cache.
        .insert_header(("Cache-Control", "no-store"))
        .json(CreatedBody {
            verification_key: created.verification_key,
            endpoint: EndpointBody::of(created.endpoint, Vec::new()),
        })
}

/// An event that an endpoint has not received.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery, examples(examples::delivery))]
pub(super) struct DeliveryBody {
    #[schema(example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2")]
    event_id: String,
    /// Absent if the event is no longer kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    state: DeliveryState,
    /// How often it was rejected.
    tries: i32,
    /// When it is sent next. Only with `retrying`.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_outcome: Option<AttemptOutcome>,
    /// The status that the endpoint answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
}

impl DeliveryBody {
    pub(super) fn of(delivery: &Delivery, event: Option<&Event>) -> Self {
        let is_retrying = delivery.state == DeliveryState::Retrying;
        Self {
            event_id: delivery.key.to_string(),
            event_type: event.map(|event| event.event_type().to_owned()),
            state: delivery.state,
            tries: delivery.tries,
            due_at: is_retrying.then_some(delivery.due_at),
            last_outcome: delivery.last_outcome,
            last_status: delivery.last_status,
        }
    }
}

/// A try to deliver an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt, examples(examples::attempt))]
pub(super) struct AttemptBody {
    id: AttemptId,
    #[schema(example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2")]
    event_id: String,
    #[schema(example = "order.paid")]
    event_type: String,
    trigger: AttemptTrigger,
    started_at: DateTime<Utc>,
    duration_ms: u64,
    outcome: AttemptOutcome,
    /// The status that the endpoint answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// The first 1,024 bytes of its answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    answer_start: String,
}

impl From<Attempt> for AttemptBody {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            event_id: attempt.event_id,
            event_type: attempt.event_type,
            trigger: attempt.trigger,
            started_at: attempt.started_at,
            duration_ms: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: attempt.outcome,
            http_status: attempt.http_status,
            answer_start: attempt.answer_start,
        }
    }
}
