#![doc = include_str!("../README.md")]

pub mod adapters;
mod domain;
mod error;
pub mod http;
mod ids;
mod ports;
mod service;
mod store;

pub use domain::{
    Asked, Attempt, AttemptState, CallEffect, Capture, CardNumber, ChargeId, ChargePage,
    ChargeStatus, ChargeWindow, ClosedAttempt, Closing, CustomerAction, CustomerStep, DeclineCode,
    DisputeState, EventRelevance, GatewayCall, GatewayEvent, GatewayEventId, InvalidPaymentMethod,
    InvalidReference, InvalidReturnUrl, ListedCharge, ListedDispute, ListedRefund, ListedState,
    NewAttempt, NewGatewayEvent, NewRefund, Operation, OperationKey, PaymentInstruction,
    PaymentMethod, PaymentStatus, Reference, Refund, RefundActor, RefundEnd, RefundFailure,
    RefundOutcome, RefundState, Report, ReportPage, ReturnUrl, UnknownState, UnsavedCalls,
};
pub use error::{
    AMOUNT_NOT_ACCEPTED, CURRENCY_NOT_ACCEPTED, GATEWAY_REFUSED, GATEWAY_UNAVAILABLE,
    INVALID_SIGNATURE, PAYMENT_NOT_ACCEPTED, PROBLEM_TYPES, PaymentError,
};
pub use ids::{AttemptId, RefundId};
pub use oms_circuit_breaker::BreakerState;
pub use ports::{
    Answered, Effect, GatewayError, GatewayFault, PaymentGateway, PrepareRequest, RefundRequest,
    Refusal,
};
pub use service::{
    BeginRefund, CollectOutcome, Collected, FencePolicy, Finished, LaterCause, Mirrored,
    PaymentBatches, RefundResult, Remainder, SettleOutcome, Settled, Word, begin_refund,
    close_attempt, close_attempts, collect_payment, execute_refund, find_newest_attempt,
    find_payment, find_payments, find_pending_refund, find_refund_by_key, find_refunded,
    find_refunds, find_remainder, finish_refund, list_attempts, list_calls, list_calls_from,
    list_refunds, mirror_refunds, record_attempts, save_calls, settle_payment,
};
pub use service::{
    KEEP_GATEWAY_EVENTS, Received, claim_gateway_events, count_due_gateway_events,
    find_attempt_by_reference, find_attempts_by_references, find_due_event_tenants,
    find_known_events, finish_gateway_event, postpone_gateway_event, purge_gateway_events,
    receive_gateway_event, return_gateway_event,
};
pub use store::grants::GRANTS;
