//! `POST /webhook-endpoints`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::Once;
use oms_web::{CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson, mark_replayed};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::WebhooksApi;
use super::representation::{CreatedBody, created};
use crate::domain::feed::FeedStart;
use crate::domain::webhooks::endpoint::{Description, MaxInFlight, NewEndpoint, Ordering, Signing};
use crate::error;
use crate::http::examples;
use crate::service::webhooks::create_endpoint::create_endpoint;

/// A webhook endpoint to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhookEndpoint, examples(examples::new_endpoint))]
pub(super) struct Body {
    /// An https URL with the port 443, or one from 1024 to 65535. Its name must lead to an address on the internet, unless
    /// the operator allows other networks.
    #[schema(max_length = 2000, example = "https://erp.example.com/oms")]
    url: String,
    description: Option<Description>,
    /// Names of `GET /event-types`, and areas such as `order.*`. Omitted or empty: all types.
    #[serde(default)]
    #[schema(max_items = 100)]
    #[validate(length(max = 100, message = "must have at most 100 entries"))]
    types: Vec<String>,
    /// Defaults to `subject`.
    ordering: Option<Ordering>,
    /// Defaults to `hmac`.
    signing: Option<Signing>,
    max_in_flight: Option<MaxInFlight>,
    /// Where it begins: `latest`, which is the default; `earliest`, the first event that is kept; or a cursor of
    /// `GET /events`.
    #[schema(value_type = Option<String>)]
    start_at: Option<FeedStart>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::URL_NOT_ALLOWED,
        error::TOO_MANY_ENDPOINTS,
        error::POSITION_EXPIRED,
        error::NO_SECRET_KEYS,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 201 with the endpoint and its secret, or 200 with those of an earlier request with this key.
#[utoipa::path(
    post,
    path = "/webhook-endpoints",
    operation_id = "createWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Create a webhook endpoint",
    description = "Events are sent as `POST` requests, signed as [Standard Webhooks](https://www.standardwebhooks.com) says. The answer has the \
        secret, which is not shown again.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The endpoint was created.", body = CreatedBody, headers(("Location"), ("ETag"))),
        (status = 200, description = "The endpoint that an earlier request with this key created.", body = CreatedBody,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn create(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let body = body.0;
    let new = NewEndpoint {
        url: api.url_of(&body.url)?,
        description: body.description,
        types: body.types,
        ordering: body.ordering.unwrap_or(Ordering::Subject),
        signing: body.signing.unwrap_or(Signing::Hmac),
        max_in_flight: body.max_in_flight.unwrap_or(MaxInFlight::DEFAULT),
    };
    let start = body.start_at.unwrap_or(FeedStart::Latest);
    let creating = api.work.run(|context| async move {
        create_endpoint(&context, tenant.0, &key.0, &new, start).await
    });
    let once = creating.await?;
    let mut response = match once {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let endpoint = mark_replayed(&mut response, once);
    let location = format!("/webhook-endpoints/{}", endpoint.endpoint.id);
    response.insert_header((header::LOCATION, location));
    Ok(created(response, endpoint))
}
