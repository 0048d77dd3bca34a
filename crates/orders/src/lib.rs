#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

pub use oms_batching::BATCH_SIZES;

pub use context::{BatchCounts, DeclinePolicy, OrderContext, OrderSettings};
pub use domain::address::{AddressParts, AddressText, ShippingAddress};
pub use domain::alert::{Alert, AlertKind};
pub use domain::bounds::{Bound, DeclineLimit, Exceeded, LONGEST_WINDOW, OrderBounds, UnpaidBound};
pub use domain::clock::{Clock, DatabaseClock};
pub use domain::dead_letter::{DeadLetter, DeadLetterFilter, Resolution, Resolved, Verdict};
pub use domain::dispute::Dispute;
pub use domain::erasure::{Erasure, ErasureProgress, OpenErasure, WaitingOrder};
pub use domain::event::OrderEvent;
pub use domain::external_reference::{ExternalReference, InvalidExternalReference};
pub use domain::failure::Failure;
pub use domain::finding::{
    Finding, FindingAction, FindingFilter, FindingKind, FindingResolved, FindingState,
};
pub use domain::id::{AlertId, CustomerId, DeadLetterId, ErasureId, FindingId};
pub use domain::line::{OrderLine, RequestedLine};
pub use domain::metadata::Metadata;
pub use domain::open_payment::{OpenPayment, PaymentAction};
pub use domain::order::{Order, OrderRequest};
pub use domain::order_listing::{
    InvalidOrderCursor, OrderCursor, OrderFilter, OrderListing, OrderSort,
};
pub use domain::reason::{InvalidReason, Reason};
pub use domain::reconcile_window::{InvalidWindow, ReconcileWindow};
pub use domain::refund::{Disputed, RequestedRefund};
pub use domain::settlement::{GatewaySaid, Settlement};
pub use domain::status::OrderStatus;
pub use domain::timeline::{FailedTry, Happening, TimelineCursor, TimelineEntry};
pub use error::{OrderError, PROBLEM_TYPES};
pub use service::apply_gateway_events::{AppliedEvents, apply_gateway_events};
pub use service::cancel_order::{Cancellation, cancel_order};
pub use service::check_charge::{ChargeCheck, check_charge};
pub use service::check_payment::check_payment;
pub use service::compared_tenants::compared_tenants;
pub use service::continue_erasures::{ErasureTurn, continue_erasures, oldest_erasure};
pub use service::create_dead_letter::create_dead_letter;
pub use service::deliver_alerts::{AlertSink, deliver_alerts};
pub use service::erase_customer::{ErasedCustomer, erase_customer};
pub use service::get_dead_letter::{DeadLetterDetails, get_dead_letter};
pub use service::get_finding::get_finding;
pub use service::get_order::{OrderDetails, get_order};
pub use service::get_timeline::{OrderTimeline, get_timeline};
pub use service::list_dead_letters::list_dead_letters;
pub use service::list_findings::list_findings;
pub use service::list_orders::list_orders;
pub use service::measure_backlog::{Backlog, measure_backlog};
pub use service::measure_reconciliation::{Reconciliation, measure_reconciliation};
pub use service::pay_order::pay_order;
pub use service::place_order::{PendingOrder, PlacedOrder, place_order};
pub use service::placing_outcome::PlacingOutcome;
pub use service::preview_routing::{RoutingPreview, preview_routing};
pub use service::purge_addresses::{AddressPass, AddressTurn, purge_addresses};
pub use service::purge_declines::purge_declines;
pub use service::purge_idempotency_keys::purge_idempotency_keys;
pub use service::reconcile_charges::{
    Going, ReconcileObserver, ReconcileSummary, reconcile_charges,
};
pub use service::reconcile_next::{ReconcileSchedule, ReconcileTurn, reconcile_next};
pub use service::refund_order::{RefundedOrder, refund_order};
pub use service::resolve_dead_letter::resolve_dead_letter;
pub use service::resolve_finding::resolve_finding;
pub use service::retry_dead_letter::retry_dead_letter;
pub use service::settle_due_findings::settle_due_findings;
pub use service::sweep_orders::{SweepSummary, sweep_orders};
pub use store::grants::GRANTS;
