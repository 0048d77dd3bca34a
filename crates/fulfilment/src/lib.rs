#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

// For orders, which changes fulfilment orders and shipments under the order's lock, together with stock and money.
pub use domain::evacuation::{
    ClaimedEvacuation, EvacuatedOrder, Evacuation, EvacuationOutcome, EvacuationStatus, Pass,
    WorkPosition,
};
pub use domain::fulfilment_order::{
    Action, FulfilmentOrder, FulfilmentOrderStatus, NewFulfilmentOrder, ShownStatus,
};
pub use domain::fulfilment_status::{Fulfilment, FulfilmentStatus};
pub use domain::happening::{Happening, Turn};
pub use domain::hold::{Hold, HoldHandle, HoldReason, NewHold};
pub use domain::id::{EvacuationId, FulfilmentOrderId, MoveId, ReceiptId, ReturnId, ShipmentId};
pub use domain::line::{InvalidUnits, Line, Units};
pub use domain::moving::{ERASED_WORDS, Move, MoveCause, NewMove, RejectionReason};
pub use domain::open_order::OpenOrder;
pub use domain::parcel::{MAX_PARCELS, NewParcel, Parcel};
pub use domain::refusal::Refusal;
pub use domain::returns::line::{InvalidReceipt, Received, ReturnLine};
pub use domain::returns::order_status::OrderReturnStatus;
pub use domain::returns::refusal::ReturnRefusal;
pub use domain::returns::words::{RequestedBy, ReturnReason, ReturnStatus};
pub use domain::returns::{Acceptance, Receipt, Remainder, Return, ReturnDraft};
pub use domain::shipment::{Shipment, ShipmentLine, ShipmentStatus, Undo};
pub use domain::text::{CarrierName, Note, TrackingNumber, TrackingUrl};
pub use domain::tracking::{TrackingEvent, TrackingReport, TrackingStatus};
pub use error::{
    ALREADY_ACCEPTED, CLOSED, DELIVERED, EVACUATION_FINISHED, EVACUATION_NOT_FOUND,
    EVACUATION_UNFINISHED, FulfilmentError, HAS_PARCELS, HAS_RETURN, HAS_SHIPMENTS,
    IMPLAUSIBLE_TIME, MORE_THAN_APPROVED, MORE_THAN_OUTSTANDING, MORE_THAN_RETURNABLE, NOT_FOUND,
    NOT_RESERVED, NOT_SHIPPED, NOTHING_READY, NOTHING_SHIPPED, ON_HOLD, OTHER_WAREHOUSE, PACKED,
    PARCEL_NOT_FOUND, PROBLEM_TYPES, RESERVED_HANDLE, RETURN_NOT_FOUND, RETURN_UNKNOWN_LINE,
    RETURN_WRONG_STATUS, SCHEDULED, SHIPMENT_CANCELLED, SHIPMENT_NOT_FOUND, TOO_MANY_HOLDS,
    TOO_MANY_MOVES, TOO_MANY_RECEIPTS, TOO_MANY_RETURNS, TOO_MANY_SHIPMENTS, UNKNOWN_LINE,
};
pub use service::cancel_shipment::{CancelledShipment, cancel_shipment};
pub use service::count_open::{OPEN_STATUSES, OpenCounts, count_open_fulfilment_orders};
pub use service::decide_return::{Decision, decide_return};
pub use service::dispatch::{Departure, Dispatch, ShipmentDraft};
pub use service::erase_addresses::erase_addresses;
pub use service::evacuation_work::{
    claim_evacuations, end_turn, find_evacuating_tenants, find_orders_to_evacuate,
    finish_evacuation, has_evacuated, lock_claimed_evacuation, longest_standstill,
    next_to_evacuate, record_evacuated,
};
pub use service::evacuations::{
    find_evacuation, resume_evacuation, start_evacuation, stop_evacuation,
};
pub use service::find_fulfilments::{
    FulfilmentRows, find_fulfilment, find_fulfilment_rows, find_fulfilments,
};
pub use service::find_open::{find_held_orders, find_open_orders, list_open_orders};
pub use service::find_orders::{
    Subject, find_orders_of, find_shipments, find_shipments_and_statuses, find_subjects,
};
pub use service::find_returns::{
    find_expired_returns, find_orders_with_undecided_returns, find_returns,
};
pub use service::freeze::{UnsentChange, cancel_frozen, cancel_unsent, freeze_unsent, thaw};
pub use service::hold::{hold_opened, place_hold, place_hold_on_changed, release_hold};
pub use service::list_tracking::list_tracking_from;
pub use service::moves::{exclude_warehouse, find_excluded, find_moves, include_warehouse};
pub use service::open::{find_opened, open_fulfilment_orders};
pub use service::receive_units::{ReceiptDraft, receive_units};
pub use service::record_tracking::record_tracking;
pub use service::relocation::Relocation;
pub use service::request_return::request_return;
pub use service::start::{Work, change_work};

// For the endpoints of orders that change these.
pub use http::evacuations::representation::EvacuationBody;
pub use http::representation::{
    FulfilmentOrderBody, ShipmentBody, WrittenFulfilmentOrder, WrittenShipment,
    written_fulfilment_order, written_shipment,
};
pub use http::returns::representation::{ReturnBody, WrittenReturn, written_return};
pub use http::{evacuation_id_of, fulfilment_order_id_of, return_id_of, shipment_id_of};

// For the console.
pub use domain::returns::list::{ReturnCursor, ReturnFilter, ReturnsOf};
pub use domain::work_list::{HeldCursor, ListedBy, WorkListCursor, WorkListFilter};
pub use service::get_fulfilment_order::get_fulfilment_order;
pub use service::get_return::get_return;
pub use service::list_fulfilment_orders::list_fulfilment_orders;
pub use service::list_held_orders::list_held_orders;
pub use service::list_returns::list_returns;

// For the program, which wires the context.
pub use context::FulfilmentContext;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// Only this crate's tests call these without HTTP.
#[doc(hidden)]
pub use {
    domain::parcel::ParcelChange,
    domain::work_list::{ShipmentCursor, ShipmentFilter, ShipmentsOf},
    service::change_parcel::change_parcel,
    service::get_shipment::get_shipment,
    service::list_shipments::list_shipments,
};
