//! Schemas of fulfilment in the OpenAPI document, besides those of its operations.

use oms_validation::{PageSize, WarehouseId};
use utoipa::{OpenApi, ToSchema};

use crate::domain::evacuation::EvacuationOutcome;
use crate::domain::fulfilment_order::ShownStatus;
use crate::domain::hold::HoldHandle;
use crate::domain::id::{EvacuationId, FulfilmentOrderId, ReturnId, ShipmentId};
use crate::domain::returns::words::ReturnStatus;
use crate::domain::shipment::ShipmentStatus;
use crate::domain::text::TrackingNumber;

/// Schemas that only parameters refer to, from which utoipa doesn't collect them.
#[derive(OpenApi)]
#[openapi(components(schemas(
    PageSize,
    ShownStatus,
    ShipmentStatus,
    TrackingNumber,
    HoldHandle,
    EvacuationId,
    EvacuationOutcome,
    FulfilmentOrderId,
    ShipmentId,
    ReturnId,
    ReturnStatus,
    WarehouseId
)))]
pub struct FulfilmentSchemas;

/// Members that problems of fulfilment have in addition to the common ones.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
pub struct ProblemMembers {
    /// `fulfilment.on_hold`: the handles of the holds.
    holds: Option<Vec<String>>,
    /// Problems about units of a line: the line's number in the order.
    line: Option<i32>,
    /// The same: the units that the request wants to send, return or receive.
    wanted: Option<i32>,
    /// `fulfilment.more_than_outstanding`: the units that may be sent now.
    ready: Option<i32>,
    /// `returns.more_than_returnable` and `returns.window_closed`: the units that may be returned.
    returnable: Option<i32>,
    /// `returns.more_than_approved`: the units that are still expected.
    expected: Option<i32>,
    /// `returns.wrong_status`: the status of the return.
    return_status: Option<ReturnStatus>,
}
