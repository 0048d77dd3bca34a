//! `GET /webhook-endpoints/{id}/deliveries`.

use actix_web::{HttpResponse, web};
use oms_validation::PageSize;
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::DeliveryBody;
use super::{WebhooksApi, id_of};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::pending::{DeliveryCursor, DeliveryState};
use crate::error::ENDPOINT_NOT_FOUND;
use crate::service::webhooks::list_deliveries::list_deliveries;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    state: Option<DeliveryState>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<DeliveryCursor>,
}

oms_web::refusals! {
    Refusals: [ENDPOINT_NOT_FOUND]
}

/// Answers 200 with a page, oldest first.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "webhook-endpoints",
    summary = "List what a webhook endpoint has not received",
    description = "Events before its place that it rejected, or that wait for an earlier event of their subject. Oldest first.",
    params(("id" = EndpointId, Path), Parameters),
    responses(
        (status = 200, description = "A page of deliveries.", body = PageBody<DeliveryBody>),
        Refusals,
    ),
)]
pub(super) async fn deliveries(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let Parameters {
        state,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        list_deliveries(&context, tenant.0, id, state, cursor, limit).await
    });
    let (page, events) = listing.await?;
    let body = PageBody::of(page, |it| DeliveryBody::of(&it, events.get(&it.key)));
    Ok(HttpResponse::Ok().json(body))
}
