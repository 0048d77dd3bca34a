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
    CursorOfAnotherList, OrderCursor, OrderFilter, OrderListing, OrderSort,
};
pub use domain::placed_order::{PendingOrder, PlacedOrder};
pub use domain::placing_outcome::PlacingOutcome;
pub use domain::reason::{InvalidReason, Reason};
pub use domain::reconcile_window::{InvalidWindow, ReconcileWindow};
pub use domain::refund::{Disputed, RequestedRefund};
pub use domain::settlement::{GatewaySaid, Settlement};
pub use domain::status::OrderStatus;
pub use domain::timeline::{FailedTry, Happening, TimelineCursor, TimelineEntry};
pub use error::{
    DeadLetterError, ErasingError, NotPaid, OrderError, PROBLEM_TYPES, PayingError, PlacingError,
    ReconcilingError, ReversingError,
};
pub use service::operating::continue_erasures::{ErasureTurn, continue_erasures, oldest_erasure};
pub use service::operating::create_dead_letter::create_dead_letter;
pub use service::operating::deliver_alerts::{AlertSink, deliver_alerts};
pub use service::operating::erase_customer::{ErasedCustomer, erase_customer};
pub use service::operating::purge_addresses::{AddressPass, AddressTurn, purge_addresses};
pub use service::operating::purge_declines::purge_declines;
pub use service::operating::purge_idempotency_keys::purge_idempotency_keys;
pub use service::operating::resolve_dead_letter::resolve_dead_letter;
pub use service::operating::retry_dead_letter::retry_dead_letter;
pub use service::placing::check_payment::check_payment;
pub use service::placing::pay_order::pay_order;
pub use service::placing::place_order::place_order;
pub use service::placing::preview_routing::{RoutingPreview, preview_routing};
pub use service::reading::get_dead_letter::{DeadLetterDetails, get_dead_letter};
pub use service::reading::get_order::{OrderDetails, get_order};
pub use service::reading::get_timeline::{OrderTimeline, get_timeline};
pub use service::reading::list_dead_letters::list_dead_letters;
pub use service::reading::list_orders::list_orders;
pub use service::reading::measure_backlog::{Backlog, measure_backlog};
pub use service::reconciling::check_charge::{ChargeCheck, check_charge};
pub use service::reconciling::compared_tenants::compared_tenants;
pub use service::reconciling::get_finding::get_finding;
pub use service::reconciling::list_findings::list_findings;
pub use service::reconciling::measure_reconciliation::{Reconciliation, measure_reconciliation};
pub use service::reconciling::reconcile_charges::reconcile_charges;
pub use service::reconciling::reconcile_next::{ReconcileSchedule, ReconcileTurn, reconcile_next};
pub use service::reconciling::resolve_finding::resolve_finding;
pub use service::reconciling::settle_due_findings::settle_due_findings;
pub use service::reconciling::walk::{Going, ReconcileObserver, ReconcileSummary};
pub use service::reversing::cancel_order::{Cancellation, cancel_order};
pub use service::reversing::refund_order::{RefundedOrder, refund_order};
pub use service::settling::apply_gateway_events::{AppliedEvents, apply_gateway_events};
pub use service::settling::sweep_orders::{SweepSummary, sweep_orders};
pub use store::grants::GRANTS;
