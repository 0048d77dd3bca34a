//! The errors of fulfilment, and the problems that they become for clients.

use oms_database::DbError;
use oms_errors::{Problem, version_mismatch};
use oms_validation::OtherVersion;

use crate::domain::hold::HoldHandle;
use crate::domain::id::EvacuationId;
use crate::domain::refusal::Refusal;
use crate::domain::returns::refusal::ReturnRefusal;

/// `Retry-After` of a request whose outcome is unknown, in seconds.
const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// The tenant has no such fulfilment order.
    NOT_FOUND = "fulfilment.not_found", NotFound, "Fulfilment order not found";
    /// The tenant has no such shipment.
    SHIPMENT_NOT_FOUND = "fulfilment.shipment_not_found", NotFound, "Shipment not found";
    /// The shipment has no parcel of this number.
    PARCEL_NOT_FOUND = "fulfilment.parcel_not_found", NotFound, "Parcel not found";
    /// The fulfilment order has holds. `holds` lists their handles. Release them first.
    ON_HOLD = "fulfilment.on_hold", WrongState, "The fulfilment order is on hold";
    /// The fulfilment order must not be sent before its time.
    SCHEDULED = "fulfilment.scheduled", WrongState, "The fulfilment order is scheduled for later";
    /// Nothing of the fulfilment order is left to send.
    CLOSED = "fulfilment.closed", WrongState, "The fulfilment order is closed";
    /// The fulfilment order belongs to another warehouse than `warehouseId`, possibly because it was moved. `fulfilmentOrderWarehouseId` names it.
    OTHER_WAREHOUSE = "fulfilment.other_warehouse", WrongState, "The fulfilment order is in another warehouse";
    /// Units of the fulfilment order are packed or were sent, so that it can't return to the work list.
    HAS_SHIPMENTS = "fulfilment.has_shipments", WrongState, "The fulfilment order has shipments";
    /// A fulfilment order has at most 10 holds that clients placed.
    TOO_MANY_HOLDS = "fulfilment.too_many_holds", WrongState, "Too many holds";
    /// `rerouting` and `before-fulfilment` are the handles of the holds that oms places. Choose another one.
    RESERVED_HANDLE = "fulfilment.reserved_handle", Unprocessable, "Reserved hold handle";
    /// An order has at most 50 shipments.
    TOO_MANY_SHIPMENTS = "fulfilment.too_many_shipments", WrongState, "Too many shipments";
    /// The fulfilment order has no line of this number. `line` names it.
    UNKNOWN_LINE = "fulfilment.unknown_line", Unprocessable, "Unknown line in request";
    /// Fewer units of a line are left to send. `line`, `wanted` and `ready` name them.
    MORE_THAN_OUTSTANDING = "fulfilment.more_than_outstanding", Unprocessable, "More units than are left to send";
    /// All units are packed already, or are about to be cancelled.
    NOTHING_READY = "fulfilment.nothing_ready", WrongState, "Nothing is left to pack";
    /// The units are in parcels. Cancel the packed shipments first, or name other units.
    PACKED = "fulfilment.packed", WrongState, "The units are packed";
    /// The units of an order are moved at most 100 times.
    TOO_MANY_MOVES = "fulfilment.too_many_moves", WrongState, "Too many moves";
    /// The tenant has no such evacuation.
    EVACUATION_NOT_FOUND = "fulfilment.evacuation_not_found", NotFound, "Evacuation not found";
    /// The warehouse has an unfinished evacuation, which `Location` names. Resume it if it is stopped.
    EVACUATION_UNFINISHED = "fulfilment.evacuation_unfinished", WrongState, "The warehouse has an unfinished evacuation";
    /// The evacuation is finished.
    EVACUATION_FINISHED = "fulfilment.evacuation_finished", WrongState, "The evacuation is finished";
    /// The shipment has not left the warehouse.
    NOT_SHIPPED = "fulfilment.not_shipped", WrongState, "The shipment has not left";
    /// The shipment was delivered. What the customer sends back is a return.
    DELIVERED = "fulfilment.delivered", WrongState, "The shipment was delivered";
    /// The shipment was cancelled.
    SHIPMENT_CANCELLED = "fulfilment.shipment_cancelled", WrongState, "The shipment was cancelled";
    /// The shipment has parcels already. Change them one by one.
    HAS_PARCELS = "fulfilment.has_parcels", WrongState, "The shipment has parcels";
    /// The personal data of the order was erased, and a tracking URL leads to the customer.
    ERASED = "fulfilment.erased", WrongState, "Personal data of the order was erased";
    /// The time is more than a day ahead, or more than ten years before the shipment was created.
    IMPLAUSIBLE_TIME = "fulfilment.implausible_time", Unprocessable, "The time is not plausible";
    /// The order holds fewer units in the warehouse than it has to send.
    NOT_RESERVED = "fulfilment.not_reserved", WrongState, "The units are not reserved";
    /// Units of the shipment are in a return, so that it can't be cancelled. Decline or cancel the return first.
    HAS_RETURN = "fulfilment.has_return", WrongState, "Units of the shipment are in a return";
    /// The tenant has no such return.
    RETURN_NOT_FOUND = "returns.not_found", NotFound, "Return not found";
    /// Nothing of the order was sent, so nothing can come back.
    NOTHING_SHIPPED = "returns.nothing_shipped", WrongState, "Nothing of the order was sent";
    /// The order or the return has no line of this number. `line` names it.
    RETURN_UNKNOWN_LINE = "returns.unknown_line", Unprocessable, "No such line to return";
    /// Fewer units of a line were sent and are in no other return. `line`, `wanted` and `returnable` name them.
    MORE_THAN_RETURNABLE = "returns.more_than_returnable", Unprocessable, "More units than may be returned";
    /// An order has at most 50 returns.
    TOO_MANY_RETURNS = "returns.too_many_returns", WrongState, "Too many returns";
    /// The status of the return does not allow it. `returnStatus` names it.
    RETURN_WRONG_STATUS = "returns.wrong_status", WrongState, "The status of the return does not allow it";
    /// The customer was credited for the units when the return was approved. Close the return instead.
    ALREADY_ACCEPTED = "returns.already_accepted", WrongState, "The units are credited already";
    /// Fewer units of a line are still expected. `line`, `wanted` and `expected` name them.
    MORE_THAN_APPROVED = "returns.more_than_approved", Unprocessable, "More units than are expected";
    /// A return has at most 100 receipts.
    TOO_MANY_RECEIPTS = "returns.too_many_receipts", WrongState, "Too many receipts";
    /// The database's answer was lost, so the change may or may not have been made. Repeat the request, with the same
    /// idempotency key if it had one.
    OUTCOME_UNKNOWN = "fulfilment.outcome_unknown", Unavailable, "Outcome of the change unknown, repeat the request";
}

/// An error of a use case of fulfilment.
#[derive(Debug, thiserror::Error)]
pub enum FulfilmentError {
    /// The database failed. Nothing was saved.
    #[error(transparent)]
    Database(DbError),
    /// The answer to COMMIT was lost.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The tenant has no such fulfilment order.
    #[error("there is no such fulfilment order")]
    NotFound,
    /// The tenant has no such shipment.
    #[error("there is no such shipment")]
    ShipmentNotFound,
    /// The tenant has no such evacuation.
    #[error("there is no such evacuation")]
    EvacuationNotFound,
    /// The warehouse has an unfinished evacuation.
    #[error("evacuation {0} of the warehouse is not finished")]
    EvacuationUnfinished(EvacuationId),
    /// The evacuation is finished.
    #[error("the evacuation is finished")]
    EvacuationFinished,
    /// The tenant has no such return.
    #[error("there is no such return")]
    ReturnNotFound,
    /// The return, or what its order sent, does not allow it.
    #[error(transparent)]
    ReturnRefused(#[from] ReturnRefusal),
    /// The state of the fulfilment order or the shipment does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The order holds fewer units in the warehouse than are to be sent.
    #[error("the order does not hold the units that are to be sent")]
    NotReserved,
    /// The resource no longer has the version that the change was made for.
    #[error("the current version is {version}")]
    Changed {
        /// The current version.
        version: i32,
    },
}

impl From<DbError> for FulfilmentError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::CommitOutcomeUnknown(cause) => Self::OutcomeUnknown(cause),
            error => Self::Database(error),
        }
    }
}

impl From<OtherVersion> for FulfilmentError {
    fn from(other: OtherVersion) -> Self {
        let OtherVersion { version } = other;
        Self::Changed { version }
    }
}

impl FulfilmentError {
    /// Whether another transaction holds a lock that was needed.
    pub(crate) fn is_contended(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_contended())
    }
}

impl From<FulfilmentError> for Problem {
    fn from(error: FulfilmentError) -> Self {
        match error {
            FulfilmentError::Database(error) => error.into(),
            FulfilmentError::OutcomeUnknown(cause) => Self::of(&OUTCOME_UNKNOWN)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(cause),
            FulfilmentError::NotFound => Self::of(&NOT_FOUND),
            FulfilmentError::ShipmentNotFound => Self::of(&SHIPMENT_NOT_FOUND),
            FulfilmentError::EvacuationNotFound => Self::of(&EVACUATION_NOT_FOUND),
            FulfilmentError::EvacuationUnfinished(id) => {
                Self::of(&EVACUATION_UNFINISHED).with_location(format!("/evacuations/{id}"))
            }
            FulfilmentError::EvacuationFinished => Self::of(&EVACUATION_FINISHED),
            FulfilmentError::ReturnNotFound => Self::of(&RETURN_NOT_FOUND),
            FulfilmentError::ReturnRefused(refusal) => problem_of_return(&refusal),
            FulfilmentError::Refused(refusal) => problem_of(&refusal),
            FulfilmentError::NotReserved => Self::of(&NOT_RESERVED),
            FulfilmentError::Changed { version } => version_mismatch(version),
        }
    }
}

fn problem_of(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::OnHold(handles) => {
            let handles: Vec<&str> = handles.iter().map(HoldHandle::as_str).collect();
            Problem::of(&ON_HOLD).with_extension("holds", handles)
        }
        Refusal::Scheduled => Problem::of(&SCHEDULED),
        Refusal::Closed(_) => Problem::of(&CLOSED),
        Refusal::OtherWarehouse(id) => Problem::of(&OTHER_WAREHOUSE)
            .with_extension("fulfilmentOrderWarehouseId", id.to_string()),
        Refusal::HasShipments => Problem::of(&HAS_SHIPMENTS),
        Refusal::TooManyHolds => Problem::of(&TOO_MANY_HOLDS),
        Refusal::ReservedHandle(_) => Problem::of(&RESERVED_HANDLE),
        Refusal::TooManyShipments => Problem::of(&TOO_MANY_SHIPMENTS),
        Refusal::UnknownLine { line } => Problem::of(&UNKNOWN_LINE).with_extension("line", *line),
        Refusal::MoreThanOutstanding {
            line,
            wanted,
            ready,
        } => Problem::of(&MORE_THAN_OUTSTANDING)
            .with_extension("line", *line)
            .with_extension("wanted", *wanted)
            .with_extension("ready", *ready),
        Refusal::NothingReady => Problem::of(&NOTHING_READY),
        Refusal::Packed => Problem::of(&PACKED),
        Refusal::TooManyMoves => Problem::of(&TOO_MANY_MOVES),
        Refusal::NotShipped(_) => Problem::of(&NOT_SHIPPED),
        Refusal::Delivered => Problem::of(&DELIVERED),
        Refusal::ShipmentCancelled => Problem::of(&SHIPMENT_CANCELLED),
        Refusal::HasParcels => Problem::of(&HAS_PARCELS),
        Refusal::Erased => Problem::of(&ERASED),
        Refusal::ImplausibleTime => Problem::of(&IMPLAUSIBLE_TIME),
        Refusal::UnknownParcel { .. } => Problem::of(&PARCEL_NOT_FOUND),
    }
}

fn problem_of_return(refusal: &ReturnRefusal) -> Problem {
    match refusal {
        ReturnRefusal::NothingShipped => Problem::of(&NOTHING_SHIPPED),
        ReturnRefusal::UnknownLine { line } => {
            Problem::of(&RETURN_UNKNOWN_LINE).with_extension("line", *line)
        }
        ReturnRefusal::MoreThanReturnable {
            line,
            wanted,
            returnable,
        } => Problem::of(&MORE_THAN_RETURNABLE)
            .with_extension("line", *line)
            .with_extension("wanted", *wanted)
            .with_extension("returnable", *returnable),
        ReturnRefusal::TooManyReturns => Problem::of(&TOO_MANY_RETURNS),
        ReturnRefusal::WrongStatus(status) => {
            Problem::of(&RETURN_WRONG_STATUS).with_extension("returnStatus", status.as_str())
        }
        ReturnRefusal::Accepted => Problem::of(&ALREADY_ACCEPTED),
        ReturnRefusal::MoreThanApproved {
            line,
            wanted,
            expected,
        } => Problem::of(&MORE_THAN_APPROVED)
            .with_extension("line", *line)
            .with_extension("wanted", *wanted)
            .with_extension("expected", *expected),
        ReturnRefusal::TooManyReceipts => Problem::of(&TOO_MANY_RECEIPTS),
        ReturnRefusal::HasReturn => Problem::of(&HAS_RETURN),
    }
}
