//! `PATCH /webhook-endpoints/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_web::{CurrentTenant, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{EndpointBody, answer};
use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::{
    Description, EndpointChange, EndpointId, MaxInFlight, Ordering,
};
use crate::error;
use crate::http::examples;
use crate::service::webhooks::change_endpoint::change_endpoint;

/// A change of a webhook endpoint. Omitted members stay unchanged.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookEndpointChange, min_properties = 1, examples(examples::endpoint_change))]
pub(super) struct Body {
    #[schema(max_length = 2000, example = "https://erp.example.com/oms")]
    url: Option<String>,
    description: Option<Description>,
    /// Names of `GET /event-types`, and areas such as `order.*`. Empty: all types.
    #[schema(max_items = 100)]
    #[validate(length(max = 100, message = "must have at most 100 entries"))]
    types: Option<Vec<String>>,
    ordering: Option<Ordering>,
    max_in_flight: Option<MaxInFlight>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::ENDPOINT_NOT_FOUND,
        error::URL_NOT_ALLOWED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the changed endpoint; 404 if the tenant has no such endpoint; 412 if it was changed in the meantime;
/// 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/webhook-endpoints/{id}",
    operation_id = "changeWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Change a webhook endpoint",
    description = "Omitted members stay unchanged. Events that it has not received yet are sent to the new URL.",
    params(("id" = EndpointId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The changed endpoint.", body = EndpointBody, headers(("ETag"))),
        Refusals,
    ),
)]
pub(super) async fn change(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    expected: IfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let body = body.0;
    let change = EndpointChange {
        url: body.url.map(|url| api.url_of(&url)).transpose()?,
        description: body.description,
        types: body.types,
        ordering: body.ordering,
        max_in_flight: body.max_in_flight,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change").into());
    }
    let changing = api.work.run(|context| async move {
        change_endpoint(&context, tenant.0, id, &expected.0, change).await
    });
    Ok(answer(HttpResponse::Ok(), changing.await?, Vec::new()))
}
