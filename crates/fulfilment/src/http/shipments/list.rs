//! `GET /shipments`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_REQUEST, Problem};
use oms_validation::{OrderId, PageSize};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::shipment::ShipmentStatus;
use crate::domain::text::TrackingNumber;
use crate::domain::work_list::{ShipmentCursor, ShipmentFilter, ShipmentsOf};
use crate::http::FulfilmentApi;
use crate::http::representation::ShipmentBody;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Selects the shipments of this order. Either this or `trackingNumber` is required.
    order_id: Option<OrderId>,
    /// Selects shipments that have a parcel of this number.
    tracking_number: Option<TrackingNumber>,
    status: Option<ShipmentStatus>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<ShipmentCursor>,
}

/// Returns 200 with a page, newest first; 400 with neither or both of an order and a tracking number.
#[utoipa::path(
    get,
    path = "/shipments",
    operation_id = "listShipments",
    tag = "fulfilment",
    summary = "List shipments",
    description = "The shipments of an order, or those with a parcel of a tracking number, newest first. A page may have fewer than `limit` entries, \
        or none, and still have a `nextCursor`. Continue until it is absent.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of shipments.", body = PageBody<ShipmentBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        order_id,
        tracking_number,
        status,
        limit,
        cursor,
    } = query.0;
    let of = match (order_id, tracking_number) {
        (Some(order), None) => ShipmentsOf::Order(order),
        (None, Some(number)) => ShipmentsOf::Tracking(number),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "give either an orderId or a trackingNumber";
            return Err(Problem::new(&INVALID_REQUEST, detail).into());
        }
    };
    let filter = ShipmentFilter { of, status };
    let listing = api.work.run(|context| async move {
        service::list_shipments::list_shipments(&context, tenant.0, &filter, cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, ShipmentBody::from)))
}
