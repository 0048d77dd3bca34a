#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

// For wiring: the program creates the context from its configuration.
pub use context::{BatchCounts, DeclinePolicy, OrderContext, OrderSettings};
pub use domain::bounds::{Bound, DeclineLimit, Exceeded, LONGEST_WINDOW, OrderBounds, UnpaidBound};
pub use domain::clock::{Clock, DatabaseClock};
pub use error::{OrderError, PROBLEM_TYPES};
pub use oms_batching::BATCH_SIZES;

// For the workers: sweeper, gateway events, alerts and retention, and their metrics.
pub use domain::event_types::EVENT_TYPES;
pub use domain::placing_outcome::PlacingOutcome;
pub use service::fulfilling::open_missing::{OpeningPass, OpeningTurn, open_missing};
pub use service::operating::continue_erasures::{ErasureTurn, continue_erasures, oldest_erasure};
pub use service::operating::explain_alert::explain_alert;
pub use service::operating::purge_addresses::{AddressPass, AddressTurn, purge_addresses};
pub use service::operating::purge_declines::purge_declines;
pub use service::operating::purge_idempotency_keys::purge_idempotency_keys;
pub use service::reading::measure_backlog::{Backlog, measure_backlog};
pub use service::reading::order_events::OrderEvents;
pub use service::rerouting::evacuate_warehouses::{
    EvacuationTurn, evacuate_warehouses, measure_evacuations,
};
pub use service::returning::settle_returns::{ReturnsPass, ReturnsTurn, settle_returns};
pub use service::settling::apply_gateway_events::{AppliedEvents, apply_gateway_events};
pub use service::settling::sweep_orders::{SweepSummary, sweep_orders};

// For the reconciler and `oms-api reconcile`, which compare the gateway's books with the orders.
pub use domain::finding::{
    Finding, FindingAction, FindingFilter, FindingKind, FindingResolved, FindingState,
};
pub use domain::reconcile_window::{InvalidWindow, ReconcileWindow};
pub use service::reconciling::compared_tenants::compared_tenants;
pub use service::reconciling::get_finding::get_finding;
pub use service::reconciling::list_findings::list_findings;
pub use service::reconciling::measure_reconciliation::{Reconciliation, measure_reconciliation};
pub use service::reconciling::reconcile_charges::reconcile_charges;
pub use service::reconciling::reconcile_next::{ReconcileSchedule, ReconcileTurn, reconcile_next};
pub use service::reconciling::settle_due_findings::settle_due_findings;
pub use service::reconciling::walk::{Going, ReconcileObserver, ReconcileSummary};

// The types that these return.
pub use domain::address::{AddressParts, AddressText, ShippingAddress};
pub use domain::dead_letter::{DeadLetter, Resolution, Resolved, Verdict};
pub use domain::external_reference::{ExternalReference, InvalidExternalReference};
pub use domain::failure::Failure;
pub use domain::id::{CustomerId, DeadLetterId, FindingId};
pub use domain::line::OrderLine;
pub use domain::metadata::Metadata;
pub use domain::open_payment::{OpenPayment, PaymentAction};
pub use domain::order::Order;
pub use domain::placed_order::{PendingOrder, PlacedOrder};
pub use domain::settlement::{GatewaySaid, Settlement};
pub use domain::status::OrderStatus;

// For the console, whose pages call the use cases that the API's handlers call.
pub use domain::dead_letter::DeadLetterFilter;
pub use domain::dispute::Dispute;
pub use domain::explanation::{Explanation, Next, Possible, Step, Who};
pub use domain::ledger::Ledger;
pub use domain::need::Need;
pub use domain::order_listing::{OrderCursor, OrderFilter, OrderListing, OrderSort};
pub use domain::reason::Reason;
pub use domain::refund::{Disputed, Refunded, RequestedRefund};
pub use domain::refund_plan::{RequestedCredit, RequestedParts};
pub use domain::timeline::{FailedTry, Happening, TimelineCursor, TimelineEntry};
pub use error::{DeadLetterError, ReconcilingError, ReversingError};
pub use service::fulfilling::change_work::change_work;
pub use service::fulfilling::create_shipment::create_shipment;
pub use service::fulfilling::release_hold::release_hold;
pub use service::operating::ask_gateway::ask_gateway;
pub use service::operating::create_dead_letter::create_dead_letter;
pub use service::operating::resolve_dead_letter::resolve_dead_letter;
pub use service::operating::retry_dead_letter::retry_dead_letter;
pub use service::operating::try_now::try_now;
pub use service::reading::explain_order::{ExplainedOrder, explain_order};
pub use service::reading::find_needs::find_needs;
pub use service::reading::find_references::find_references;
pub use service::reading::get_dead_letter::get_dead_letter;
pub use service::reading::get_order::{OrderDetails, get_order};
pub use service::reading::get_timeline::{OrderTimeline, get_timeline};
pub use service::reading::list_dead_letters::list_dead_letters;
pub use service::reading::list_orders::{ListedOrders, list_orders};
pub use service::reading::search_orders::{FoundOrders, search_orders};
pub use service::reconciling::resolve_finding::resolve_finding;
pub use service::rerouting::find_moves::find_moves;
pub use service::rerouting::move_fulfilment_order::{MoveRequest, move_fulfilment_order};
pub use service::rerouting::reroute::Target;
pub use service::rerouting::rerouted::{ExplainedMove, ReroutedOrder};
pub use service::returning::decide_return::{RequestedDecision, decide_return};
pub use service::returning::receive_return::receive_return;
pub use service::reversing::cancel_order::{Cancellation, cancel_order};
pub use service::reversing::cancel_unshipped::cancel_unshipped;
pub use service::reversing::preview_refund::{RefundPreview, preview_refund};
pub use service::reversing::refund_order::{RefundedOrder, refund_order};

// For `oms-api grants`: the rights of the serving role.
pub use store::grants::GRANTS;

// For this crate's tests, which call these without HTTP.
#[doc(hidden)]
pub use {
    domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope},
    domain::credit::CreditPart,
    domain::erasure::ErasureProgress,
    domain::line::RequestedLine,
    domain::order::OrderRequest,
    domain::pricing::{Breakdown, RequestedPricing},
    domain::refund_plan::InvalidParts,
    error::{
        ErasingError, NotPaid, PayingError, PlacingError, ReroutingError, ReturningError,
        ShippingError,
    },
    service::fulfilling::cancel_shipment::cancel_shipment,
    service::fulfilling::deliver_shipment::deliver_shipment,
    service::fulfilling::order_fulfilments::order_fulfilments,
    service::fulfilling::place_hold::place_hold,
    service::fulfilling::record_tracking::record_tracking,
    service::fulfilling::ship_shipment::ship_shipment,
    service::operating::erase_customer::{ErasedCustomer, erase_customer},
    service::placing::check_payment::check_payment,
    service::placing::pay_order::pay_order,
    service::placing::place_order::place_order,
    service::reconciling::check_charge::{ChargeCheck, check_charge},
    service::rerouting::change_evacuation::{EvacuationChange, change_evacuation},
    service::rerouting::reject_fulfilment_order::{RejectionRequest, reject_fulfilment_order},
    service::rerouting::start_evacuation::start_evacuation,
    service::returning::find_returnable::{ReturnableLine, find_returnable},
    service::returning::refund_return::refund_return,
    service::returning::request_return::{RequestedReturn, request_return},
};
