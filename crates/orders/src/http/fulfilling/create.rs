//! `POST /fulfilment-orders/{id}/shipments`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, Problem};
use oms_fulfilment::{
    FulfilmentOrderId, Shipment, ShipmentDraft, ShipmentId, ShipmentStatus, WrittenShipment,
    fulfilment_order_id_of, written_shipment,
};
use oms_validation::{ExpectedVersion, Once, WarehouseId};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, IdempotencyKeyHeader, OptionalIfMatch, OptionalJson,
    ProblemResponse, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::{LineRequest, ParcelRequest, parcels_of, units_of};
use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// What to pack or ship. Without a body, everything that is ready is shipped.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewShipment, examples(examples::new_shipment))]
pub(crate) struct Body {
    /// The units of each line, 1–100 entries. By default everything that is ready.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LineRequest>>,
    /// Up to 20.
    #[validate(nested)]
    #[schema(max_items = 20)]
    parcels: Option<Vec<ParcelRequest>>,
    /// Defaults to `SHIPPED`.
    status: Option<NewStatus>,
    /// The warehouse in which the units are packed. If the fulfilment order belongs to another one now, nothing is created.
    warehouse_id: Option<WarehouseId>,
}

/// The status of a new shipment.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = NewShipmentStatus)]
pub(crate) enum NewStatus {
    /// Its units stay in stock until it is shipped.
    Packed,
    /// The carrier has it.
    #[default]
    Shipped,
}

impl Body {
    pub(super) fn of(
        lines: Option<Vec<LineRequest>>,
        parcels: Option<Vec<ParcelRequest>>,
        status: Option<NewStatus>,
        warehouse_id: Option<WarehouseId>,
    ) -> Self {
        Self {
            lines,
            parcels,
            status,
            warehouse_id,
        }
    }

    /// A shipment of a fulfilment order, in the version that the client has read.
    pub(super) fn draft(
        self,
        fulfilment_order_id: FulfilmentOrderId,
        expected: ExpectedVersion,
    ) -> Result<ShipmentDraft, Problem> {
        Ok(ShipmentDraft {
            id: ShipmentId::generate(),
            fulfilment_order_id,
            expected,
            warehouse_id: self.warehouse_id,
            units: units_of(self.lines.as_deref())?,
            parcels: parcels_of(self.parcels)?,
            status: match self.status.unwrap_or_default() {
                NewStatus::Packed => ShipmentStatus::Packed,
                NewStatus::Shipped => ShipmentStatus::Shipped,
            },
            destination: None,
        })
    }
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::NOT_FOUND,
        oms_fulfilment::ON_HOLD,
        oms_fulfilment::SCHEDULED,
        oms_fulfilment::CLOSED,
        oms_fulfilment::OTHER_WAREHOUSE,
        oms_fulfilment::UNKNOWN_LINE,
        oms_fulfilment::MORE_THAN_OUTSTANDING,
        oms_fulfilment::NOTHING_READY,
        oms_fulfilment::TOO_MANY_SHIPMENTS,
        oms_fulfilment::NOT_RESERVED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OVERLOADED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::BUSY]
}

/// Answers 201 with the shipment, or 200 with the one that an earlier request with this key created.
#[utoipa::path(
    post,
    path = "/fulfilment-orders/{id}/shipments",
    operation_id = "createShipment",
    tag = "fulfilment",
    summary = "Pack or ship",
    description = "Creates a shipment of some or all units that are ready. `SHIPPED` takes them out of the stock; `PACKED` leaves them there until \
        the shipment is shipped. The response has the address for the label.",
    params(("id" = FulfilmentOrderId, Path), IdempotencyKeyHeader, OptionalIfMatch),
    request_body = Option<Body>,
    responses(
        (status = 201, description = "The shipment was created.", body = WrittenShipment, headers(("Location"), ("ETag"))),
        (status = 200, description = "The shipment that an earlier request with this key created.", body = WrittenShipment,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn create(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let draft = body.0.unwrap_or_default().draft(id, expected.0)?;
    let creating = api.work.run(|context| async move {
        let actor = actor.0.as_str();
        fulfilling::create_shipment::create_shipment(&context, tenant.0, &key.0, draft, actor).await
    });
    Ok(answer(creating.await?, disclosure))
}

fn answer(created: Once<Shipment>, disclosure: Disclosure) -> HttpResponse {
    let mut response = match created {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let shipment = mark_replayed(&mut response, created);
    response.insert_header((header::LOCATION, format!("/shipments/{}", shipment.id)));
    written_shipment(response, shipment, disclosure)
}
