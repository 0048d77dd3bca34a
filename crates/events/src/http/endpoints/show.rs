//! `GET /webhook-endpoints/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::{EndpointBody, answer};
use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::{ENDPOINT_NOT_FOUND, NO_SECRET_KEYS};
use crate::service::webhooks::get_endpoint::get_endpoint;

oms_web::refusals! {
    Refusals: [ENDPOINT_NOT_FOUND, NO_SECRET_KEYS]
}

/// Answers 200 with the endpoint and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such endpoint.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}",
    operation_id = "getWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Get a webhook endpoint",
    params(
        ("id" = EndpointId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The endpoint.", body = EndpointBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(super) async fn show(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reading = api
        .work
        .run(|context| async move { get_endpoint(&context, tenant.0, id).await });
    let (endpoint, public_keys) = reading.await?;
    Ok(answer(HttpResponse::Ok(), endpoint, public_keys))
}
