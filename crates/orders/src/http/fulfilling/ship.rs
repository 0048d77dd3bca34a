//! `POST /shipments/{id}/ship`.

use actix_web::{HttpResponse, web};
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

use super::{ParcelRequest, parcels_of};
use crate::error;
use crate::http::OrdersApi;
use crate::service::fulfilling;

/// The parcels of a shipment that has none yet.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShipmentParcels)]
pub(crate) struct Body {
    /// Up to 20.
    #[validate(nested)]
    #[schema(max_items = 20)]
    parcels: Option<Vec<ParcelRequest>>,
}

impl Body {
    pub(super) fn parcels(self) -> Result<Vec<oms_fulfilment::NewParcel>, oms_errors::Problem> {
        parcels_of(self.parcels)
    }
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::SHIPMENT_NOT_FOUND,
        oms_fulfilment::SHIPMENT_CANCELLED,
        oms_fulfilment::ON_HOLD,
        oms_fulfilment::SCHEDULED,
        oms_fulfilment::CLOSED,
        oms_fulfilment::HAS_PARCELS,
        oms_fulfilment::NOT_RESERVED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OVERLOADED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

/// Answers 200 with the shipment, also if it was shipped before.
#[utoipa::path(
    post,
    path = "/shipments/{id}/ship",
    operation_id = "shipShipment",
    tag = "fulfilment",
    summary = "Ship a packed shipment",
    description = "Its units leave the stock. Repeating the request changes nothing.",
    params(("id" = ShipmentId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The shipment.", body = WrittenShipment, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn ship(
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
    let parcels = body.0.unwrap_or_default().parcels()?;
    let shipping = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        let expected = expected.0;
        fulfilling::ship_shipment::ship_shipment(
            &context, tenant, id, expected, parcels, key, actor,
        )
        .await
    });
    Ok(written_shipment(
        HttpResponse::Ok(),
        shipping.await?,
        disclosure,
    ))
}
