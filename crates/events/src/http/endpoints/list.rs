//! `GET /webhook-endpoints`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::WebhooksApi;
use super::representation::EndpointBody;
use crate::service::webhooks::list_endpoints::list_endpoints;

/// The webhook endpoints of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoints)]
struct Body {
    #[schema(max_items = 20)]
    items: Vec<EndpointBody>,
}

/// Answers 200 with all endpoints.
#[utoipa::path(
    get,
    path = "/webhook-endpoints",
    operation_id = "listWebhookEndpoints",
    tag = "webhook-endpoints",
    summary = "List webhook endpoints",
    description = "All of them, newest first: a tenant has 20 at most. Public keys are shown by `GET /webhook-endpoints/{id}`.",
    responses((status = 200, description = "The endpoints.", body = Body)),
)]
pub(super) async fn list(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
) -> Result<HttpResponse, ProblemResponse> {
    let listing = api
        .work
        .run(|context| async move { list_endpoints(&context, tenant.0).await });
    let endpoints = listing.await?.into_iter();
    let items = endpoints.map(|endpoint| EndpointBody::of(endpoint, Vec::new()));
    Ok(HttpResponse::Ok().json(Body {
        items: items.collect(),
    }))
}
