//! `POST /webhooks/stripe`.

use std::time::SystemTime;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::{BODY_TIMEOUT, BODY_TOO_LARGE, INTERNAL, INVALID_REQUEST, Problem};
use oms_validation::TenantId;
use oms_web::{BodyLimits, CurrentTenant, ProblemResponse, read_body};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;
use utoipa::ToSchema;

use super::StripeWebhooks;
use crate::adapters::stripe::{InvalidSignature, parse_webhook};
use crate::error::INVALID_SIGNATURE;
use crate::service::{Received, find_event_tenant, receive_gateway_event};
use crate::{EventRelevance, NewGatewayEvent, PaymentError};

/// Largest event, in bytes. An event contains one object; the largest that we use has about 5,000 bytes.
const MAX_BYTES: usize = 256 * 1024;

oms_web::refusals! {
    Refusals: [INVALID_SIGNATURE, INVALID_REQUEST, BODY_TIMEOUT, BODY_TOO_LARGE]
}

/// A Stripe event. Stripe documents its fields: <https://docs.stripe.com/api/events/object>.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it documents what the adapter reads")]
struct StripeEvent {
    #[schema(examples("evt_1"))]
    id: String,
    #[schema(examples("payment_intent.succeeded"))]
    r#type: String,
    /// Creation time, in seconds since 1970.
    created: i64,
    data: Value,
}

/// Confirms that the event is stored.
#[derive(Serialize, ToSchema)]
struct Receipt {
    received: bool,
}

/// Answers 200 once the event is stored, also if it was stored before; 400 if it is not an event or not signed with one
/// of our secrets. After any other status than 200, Stripe sends the event again.
#[utoipa::path(
    post,
    path = "/webhooks/stripe",
    operation_id = "receiveStripeEvent",
    tag = "webhooks",
    summary = "Receive a Stripe event",
    description = "The event is stored before the answer, and applied afterwards, by reading the payment at Stripe. The body may have at most 256 KiB. \
        Installations without `OMS_STRIPE_WEBHOOK_SECRETS` do not have this endpoint.",
    request_body = StripeEvent,
    responses(
        (status = 200, description = "The event is stored, by this request or an earlier one.", body = Receipt),
        Refusals,
    ),
)]
pub(super) async fn receive_stripe_event(
    request: HttpRequest,
    payload: web::Payload,
    webhooks: web::Data<StripeWebhooks>,
    tenant: CurrentTenant,
) -> Result<HttpResponse, ProblemResponse> {
    let header = signature_header(request.headers()).map_err(refused)?;
    // Checked before any of the body is read, so that strangers cost as little as possible.
    let checked = webhooks.secrets.check_head(header, unix_time());
    checked.map_err(refused)?;
    let limits = BodyLimits {
        max_bytes: MAX_BYTES,
        ..BodyLimits::of(&request)
    };
    let body = read_body(payload.into_inner(), limits).await?;
    let verified = webhooks.secrets.verify(header, &body, unix_time());
    verified.map_err(refused)?;
    let event = parse_webhook(&body).map_err(|error| {
        Problem::new(&INVALID_REQUEST, "the body is not an event").with_source(error)
    })?;
    // In a task of its own, so that a sender that disconnects does not interrupt a statement.
    let storing = store(webhooks.clone(), tenant.0, event);
    let stored = tokio::spawn(storing.in_current_span()).await;
    stored.map_err(|error| Problem::of(&INTERNAL).with_source(error))??;
    Ok(HttpResponse::Ok().json(Receipt { received: true }))
}

fn signature_header(headers: &HeaderMap) -> Result<&str, InvalidSignature> {
    let mut values = headers.get_all("stripe-signature");
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(InvalidSignature::Missing);
    };
    value.to_str().map_err(|_| InvalidSignature::Malformed)
}

fn unix_time() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// The same answer for all reasons, so that a forger does not learn how close it came.
fn refused(reason: InvalidSignature) -> Problem {
    tracing::warn!(%reason, "a webhook was rejected");
    Problem::of(&INVALID_SIGNATURE).with_source(reason)
}

async fn store(
    webhooks: web::Data<StripeWebhooks>,
    own: TenantId,
    event: NewGatewayEvent,
) -> Result<(), PaymentError> {
    let mut connection = webhooks.database.acquire().await?;
    let tenant_id = find_event_tenant(&mut connection, own, &event).await?;
    let received = receive_gateway_event(&mut connection, tenant_id, &event).await?;
    drop(connection);
    if received == Received::Stored && event.relevance == EventRelevance::Relevant {
        webhooks.news.notify_one();
    }
    let repeated = received == Received::Repeated;
    tracing::info!(event_id = %event.id, kind = event.kind, repeated, "a webhook was received");
    Ok(())
}
