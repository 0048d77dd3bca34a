//! `POST /webhook-endpoints/{id}/deliveries/{eventId}/retry` and `…/skip`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::DeliveryBody;
use super::{WebhooksApi, id_of};
use crate::domain::key::EventKey;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::{self, WebhooksError};
use crate::service::webhooks::resolve_delivery::{Resolution, resolve_delivery};

oms_web::refusals! {
    Refusals: [
        error::ENDPOINT_NOT_FOUND,
        error::DELIVERY_NOT_FOUND,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the delivery; 404 if the endpoint has received the event, or will receive it in its turn.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/deliveries/{eventId}/retry",
    operation_id = "retryWebhookDelivery",
    tag = "webhook-endpoints",
    summary = "Send an event again now",
    description = "Also one that was given up, which then gets all its tries again. One that waits for an earlier event of its subject keeps its \
        place.",
    params(
        ("id" = EndpointId, Path),
        ("eventId" = String, Path, description = "The event's `id`.", example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2"),
    ),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryBody),
        Refusals,
    ),
)]
pub(super) async fn retry(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    resolve(&api, &tenant, &path, Resolution::Retry).await
}

/// Answers 200 with the delivery; 404 if the endpoint has received the event, or will receive it in its turn.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/deliveries/{eventId}/skip",
    operation_id = "skipWebhookDelivery",
    tag = "webhook-endpoints",
    summary = "Give an event up",
    description = "The endpoint does not get it any more, and gets what waits behind it.",
    params(
        ("id" = EndpointId, Path),
        ("eventId" = String, Path, description = "The event's `id`.", example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2"),
    ),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryBody),
        Refusals,
    ),
)]
pub(super) async fn skip(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    resolve(&api, &tenant, &path, Resolution::Skip).await
}

async fn resolve(
    api: &WebhooksApi,
    tenant: &CurrentTenant,
    path: &(String, String),
    resolution: Resolution,
) -> Result<HttpResponse, ProblemResponse> {
    let (id, tenant) = (id_of(&path.0)?, tenant.0);
    let key: EventKey = path
        .1
        .parse()
        .map_err(|_| WebhooksError::DeliveryNotFound)?;
    let resolving = api.work.run(|context| async move {
        resolve_delivery(&context, tenant, id, key, resolution).await
    });
    Ok(HttpResponse::Ok().json(DeliveryBody::of(&resolving.await?, None)))
}
