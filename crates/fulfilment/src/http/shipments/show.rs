//! `GET /shipments/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::shipment_id_of;
use crate::domain::id::ShipmentId;
use crate::error::SHIPMENT_NOT_FOUND;
use crate::http::FulfilmentApi;
use crate::http::representation::{ShipmentBody, shown};
use crate::service;

oms_web::refusals! {
    Refusals: [SHIPMENT_NOT_FOUND]
}

/// Returns 200 with the shipment and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such
/// shipment.
#[utoipa::path(
    get,
    path = "/shipments/{id}",
    operation_id = "getShipment",
    tag = "fulfilment",
    summary = "Get a shipment",
    params(
        ("id" = ShipmentId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The shipment.", body = ShipmentBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = shipment_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::get_shipment::get_shipment(&context, tenant.0, id).await
    });
    let shipment = reading.await?;
    Ok(shown(shipment.version, ShipmentBody::from(shipment)))
}
