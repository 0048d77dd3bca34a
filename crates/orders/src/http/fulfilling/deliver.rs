//! `POST /shipments/{id}/deliver`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{ShipmentId, WrittenShipment, shipment_id_of, written_shipment};
use oms_validation::Time;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch, OptionalJson,
    ProblemResponse,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// When the customer got it.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Delivery, examples(examples::delivery))]
pub(crate) struct Body {
    /// Defaults to now. A time in the future counts as now; one more than ten years before the shipment was created
    /// is refused.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, examples("2026-11-24T14:02:00Z"))]
    delivered_at: Option<Time>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::SHIPMENT_NOT_FOUND,
        oms_fulfilment::NOT_SHIPPED,
        oms_fulfilment::SHIPMENT_CANCELLED,
        oms_fulfilment::IMPLAUSIBLE_TIME,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OVERLOADED,
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
    let at = body.0.unwrap_or_default().delivered_at.map(Time::get);
    let delivering = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let expected = expected.0;
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
