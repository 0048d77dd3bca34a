//! `POST /shipments/{id}/cancel`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{ShipmentId, WrittenShipment, shipment_id_of, written_shipment};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch,
    ProblemResponse, ValidJson, reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::reason::Reason;
use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// Why the shipment is cancelled.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShipmentCancellation, examples(examples::shipment_cancellation))]
pub(crate) struct Body {
    #[schema(value_type = Reason)]
    reason: String,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::SHIPMENT_NOT_FOUND,
        oms_fulfilment::DELIVERED,
        oms_fulfilment::HAS_RETURN,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

/// Answers 200 with the shipment, also if it was cancelled before.
#[utoipa::path(
    post,
    path = "/shipments/{id}/cancel",
    operation_id = "cancelShipment",
    tag = "fulfilment",
    summary = "Cancel a shipment that never left",
    description = "Its units are in stock again, held by the order, and can be sent in another shipment. What a customer sends back is not a cancelled \
        shipment. Repeating the request changes nothing.",
    params(("id" = ShipmentId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The shipment.", body = WrittenShipment, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn cancel(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = shipment_id_of(&id)?;
    let reason = reason_of(&body.0.reason)?;
    let cancelling = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let expected = &expected.0;
        fulfilling::cancel_shipment::cancel_shipment(
            &context, tenant, id, expected, &reason, key, actor,
        )
        .await
    });
    Ok(written_shipment(
        HttpResponse::Ok(),
        cancelling.await?,
        disclosure,
    ))
}
