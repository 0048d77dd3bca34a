//! `POST /webhook-endpoints/{id}/test`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::AttemptBody;
use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error;
use crate::service::webhooks::test_endpoint::test_endpoint;

oms_web::refusals! {
    Refusals: [error::ENDPOINT_NOT_FOUND, error::URL_NOT_ALLOWED, error::NO_SECRET_KEYS]
}

/// Answers 200 with what came of it, whatever that is.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/test",
    operation_id = "testWebhookEndpoint",
    tag = "webhook-endpoints",
    summary = "Send a test event",
    description = "Sends a signed event of the type `webhook.test` now, also to a paused or disabled endpoint, and answers with its outcome.",
    params(("id" = EndpointId, Path)),
    responses(
        (status = 200, description = "The try.", body = AttemptBody),
        Refusals,
    ),
)]
pub(super) async fn test(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let testing = api
        .work
        .run(|context| async move { test_endpoint(&context, tenant.0, id).await });
    Ok(HttpResponse::Ok().json(AttemptBody::from(testing.await?)))
}
