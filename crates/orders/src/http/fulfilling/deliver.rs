//! `POST /shipments/{id}/deliver`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::ShipmentId;
use oms_fulfilment::http::representation::{WrittenShipment, written_shipment};
use oms_fulfilment::http::shipment_id_of;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch, OptionalJson,
    ProblemResponse,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::OrdersApi;
use crate::service::fulfilling;

/// When the customer got it.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Delivery)]
pub(crate) struct Body {
    /// Defaults to now. A time in the future counts as now.
    delivered_at: Option<DateTime<Utc>>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::SHIPMENT_NOT_FOUND,
        oms_fulfilment::NOT_SHIPPED,
        oms_fulfilment::SHIPMENT_CANCELLED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the shipment, also if it was delivered before.
#[utoipa::path(
    post,
    path = "/shipments/{id}/deliver",
    operation_id = "deliverShipment",
    tag = "fulfilment",
    summary = "Record a delivery",
    description = "The customer has the whole shipment. Repeating the request changes nothing.",
    params(("id" = ShipmentId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The shipment.", body = WrittenShipment, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn deliver(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = shipment_id_of(&id)?;
    let at = body.0.unwrap_or_default().delivered_at;
    let delivering = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let expected = &expected.0;
        fulfilling::deliver_shipment::deliver_shipment(
            &context, tenant, id, expected, at, key, actor,
        )
        .await
    });
    Ok(written_shipment(
        HttpResponse::Ok(),
        delivering.await?,
        disclosure,
    ))
}
