//! `POST /shipments/{id}/tracking`.

use actix_web::{HttpResponse, web};
use oms_fulfilment::{
    Note, ShipmentId, TrackingReport, TrackingStatus, WrittenShipment, shipment_id_of,
    written_shipment,
};
use oms_validation::Time;
use oms_web::{CurrentActor, CurrentTenant, Disclosure, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// What a carrier reports about a parcel.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TrackingReport, examples(examples::tracking_report))]
pub(crate) struct Body {
    /// The parcel's number in the shipment. Defaults to 1.
    #[validate(range(min = 1, max = 20, message = "must be between 1 and 20"))]
    #[schema(minimum = 1, maximum = 20)]
    parcel: Option<i32>,
    status: TrackingStatus,
    /// In the carrier's words. Not stored once the personal data of the order is erased.
    detail: Option<Note>,
    /// At most a day ahead, where a time in the future counts as now, and at most ten years before the shipment was
    /// created.
    #[schema(value_type = chrono::DateTime<chrono::Utc>, examples("2026-11-24T14:02:00Z"))]
    happened_at: Time,
    /// When the carrier expects to deliver it.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, examples("2026-11-24T14:02:00Z"))]
    estimated_at: Option<Time>,
}

oms_web::refusals! {
    Refusals: [
        oms_fulfilment::SHIPMENT_NOT_FOUND,
        oms_fulfilment::PARCEL_NOT_FOUND,
        oms_fulfilment::NOT_SHIPPED,
        oms_fulfilment::SHIPMENT_CANCELLED,
        oms_fulfilment::IMPLAUSIBLE_TIME,
        error::CONTENDED,
        error::OVERLOADED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the shipment.
#[utoipa::path(
    post,
    path = "/shipments/{id}/tracking",
    operation_id = "recordTracking",
    tag = "fulfilment",
    summary = "Record a carrier's report",
    description = "For hooks of carriers, which may repeat reports and send them in any order: the same report is stored once, and the latest counts. \
        When each parcel is `delivered`, the shipment is `DELIVERED`.",
    params(("id" = ShipmentId, Path)),
    request_body = Body,
    responses(
        (status = 200, description = "The shipment.", body = WrittenShipment, headers(("ETag"))),
        Refusals,
    ),
)]
pub(in crate::http) async fn track(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = shipment_id_of(&id)?;
    let body = body.0;
    let report = TrackingReport {
        parcel: body.parcel.unwrap_or(1),
        status: body.status,
        detail: body.detail,
        happened_at: body.happened_at.get(),
        estimated_at: body.estimated_at.map(Time::get),
    };
    let recording = api.work.run(|context| async move {
        let (tenant, actor) = (tenant.0, actor.0.as_str());
        fulfilling::record_tracking::record_tracking(&context, tenant, id, &report, actor).await
    });
    Ok(written_shipment(
        HttpResponse::Ok(),
        recording.await?,
        disclosure,
    ))
}
