//! `PATCH /shipments/{id}/parcels/{parcel}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::shipment_id_of;
use crate::domain::id::ShipmentId;
use crate::domain::parcel::ParcelChange;
use crate::domain::refusal::Refusal;
use crate::domain::text::{CarrierName, TrackingNumber, TrackingUrl};
use crate::error::{self, FulfilmentError};
use crate::http::representation::{WrittenShipment, written_shipment};
use crate::http::{FulfilmentApi, examples};
use crate::service;

/// A change of a parcel. Omitted members stay unchanged.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ParcelChange, min_properties = 1, examples(examples::parcel_change))]
pub(crate) struct Body {
    carrier: Option<CarrierName>,
    service: Option<CarrierName>,
    tracking_number: Option<TrackingNumber>,
    tracking_url: Option<TrackingUrl>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::SHIPMENT_NOT_FOUND,
        error::PARCEL_NOT_FOUND,
        error::ERASED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the shipment; 404 if the tenant has no such shipment, or the shipment no such parcel; 409 for a
/// tracking URL once personal data is erased; 412 if the
/// shipment was changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/shipments/{id}/parcels/{parcel}",
    operation_id = "changeParcel",
    tag = "fulfilment",
    summary = "Change a parcel",
    description = "Sets the carrier and the tracking number, in any status of the shipment. Omitted members stay unchanged.",
    params(
        ("id" = ShipmentId, Path),
        ("parcel" = i32, Path, description = "The parcel's number in the shipment, from 1.", minimum = 1, maximum = 20),
        IfMatch,
    ),
    request_body = Body,
    responses(
        (status = 200, description = "The shipment.", body = WrittenShipment, headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn change_parcel(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    expected: IfMatch,
    path: web::Path<(String, String)>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let (id, parcel) = path.into_inner();
    let id = shipment_id_of(&id)?;
    let parcel = parcel.parse();
    let parcel: i32 =
        parcel.map_err(|_| FulfilmentError::from(Refusal::UnknownParcel { parcel: 0 }))?;
    let change = ParcelChange {
        carrier: body.0.carrier,
        service: body.0.service,
        tracking_number: body.0.tracking_number,
        tracking_url: body.0.tracking_url,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change").into());
    }
    let changing = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_parcel::change_parcel(&context, tenant, id, parcel, expected, change).await
    });
    let shipment = changing.await?;
    Ok(written_shipment(HttpResponse::Ok(), shipment, disclosure))
}
