//! `GET /webhook-endpoints/{id}/attempts`.

use actix_web::{HttpResponse, web};
use oms_validation::PageSize;
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::{Deserialize, Deserializer, de};
use utoipa::IntoParams;

use super::representation::AttemptBody;
use super::{WebhooksApi, id_of};
use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::{AttemptCursor, AttemptOutcome};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::ENDPOINT_NOT_FOUND;
use crate::service::webhooks::list_attempts::list_attempts;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Only tries of this event.
    #[serde(default, deserialize_with = "event_id")]
    #[param(value_type = Option<String>, example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2")]
    event_id: Option<EventKey>,
    outcome: Option<AttemptOutcome>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<AttemptCursor>,
}

fn event_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EventKey>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let key = text.map(|text| text.parse()).transpose();
    key.map_err(|_| de::Error::custom("must be the id of an event"))
}

oms_web::refusals! {
    Refusals: [ENDPOINT_NOT_FOUND]
}

/// Answers 200 with a page, newest first.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/attempts",
    operation_id = "listWebhookAttempts",
    tag = "webhook-endpoints",
    summary = "List the tries of a webhook endpoint",
    description = "Newest first. A page looks at a bounded number of tries, so it may have fewer entries than `limit`, or none, and still name a \
        next page.",
    params(("id" = EndpointId, Path), Parameters),
    responses(
        (status = 200, description = "A page of tries.", body = PageBody<AttemptBody>),
        Refusals,
    ),
)]
pub(super) async fn attempts(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let Parameters {
        event_id,
        outcome,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        list_attempts(&context, tenant.0, id, event_id, outcome, cursor, limit).await
    });
    Ok(HttpResponse::Ok().json(PageBody::of(listing.await?, AttemptBody::from)))
}
