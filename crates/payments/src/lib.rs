#![doc = include_str!("../README.md")]

pub mod adapters;
mod domain;
mod error;
pub mod http;
mod ids;
mod ports;
mod service;
mod store;

// Orders collects a payment: it records the attempt, requests the money, and settles the order with the resulting
// proof.
pub use domain::{
    AmountRefusal, AmountStep, Attempt, AttemptState, CardNumber, ClosedAttempt, Closing,
    CustomerAction, CustomerStep, DeclineCode, InvalidPaymentMethod, InvalidReturnUrl, NewAttempt,
    PaymentInstruction, PaymentMethod, PaymentStatus, ReturnUrl, UnknownState,
};
pub use ids::AttemptId;
pub use service::{
    CollectOutcome, Collected, FencePolicy, LaterCause, PaymentBatches, SettleOutcome, Settled,
    close_attempts, closing_all, collect_payment, find_newest_attempt, find_payment,
    find_payments_and_refunds, list_attempts, record_attempts, recording, settle_payment,
};

// Orders refunds money, and mirrors refunds that were made at the gateway itself.
pub use domain::{
    Asked, NewRefund, Refund, RefundActor, RefundEnd, RefundFailure, RefundOutcome, RefundState,
};
pub use ids::RefundId;
pub use service::{
    BeginRefund, Finished, Mirrored, RefundResult, Remainder, Word, begin_refund, count_left,
    execute_refund, find_pending_refund, find_refund_by_key, find_refunded, find_refunds,
    find_remainder, finish_refund, list_refunds, mirror_refunds,
};

// The timeline of an order includes its calls to the gateway.
pub use domain::{CallEffect, GatewayCall, Operation, UnsavedCalls};
pub use service::{find_latest_change, list_calls, list_calls_from, save_calls};

// Orders applies gateway events, and the program counts those that are due.
pub use domain::{EventRelevance, GatewayEvent, GatewayEventId, NewGatewayEvent};
pub use service::{
    KEEP_GATEWAY_EVENTS, Received, claim_gateway_events, count_due_gateway_events,
    find_attempt_by_reference, find_attempts_by_references, find_due_event_tenants,
    find_known_events, finish_gateway_event, postpone_gateway_event, purge_gateway_events,
    receive_gateway_event, return_gateway_event,
};

// The port: the program wires a gateway to it, and reconciliation reads the gateway's books through it.
pub use domain::{
    Capture, ChargeId, ChargePage, ChargeStatus, ChargeWindow, DisputeState, InvalidReference,
    ListedCharge, ListedDispute, ListedRefund, ListedState, OperationKey, Reference, Report,
    ReportPage, dispute_in_words,
};
pub use oms_circuit_breaker::BreakerState;
pub use ports::{
    Answered, Effect, GatewayError, GatewayFault, PaymentGateway, PrepareRequest, RefundRequest,
    Refusal,
};

// Orders passes rejections on, and the OpenAPI document lists them.
pub use error::{
    AMOUNT_NOT_ACCEPTED, CURRENCY_NOT_ACCEPTED, GATEWAY_REFUSED, GATEWAY_UNAVAILABLE,
    PAYMENT_NOT_ACCEPTED, PROBLEM_TYPES, PaymentError,
};

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;
