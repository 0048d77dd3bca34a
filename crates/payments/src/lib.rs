#![doc = include_str!("../README.md")]

pub mod adapters;
mod domain;
mod error;
mod ids;
mod ports;
mod service;
mod store;

pub use domain::{
    Asked, Attempt, AttemptState, CallEffect, CardNumber, Closing, CustomerStep, DeclineCode,
    GatewayCall, InvalidPaymentMethod, InvalidReference, NewAttempt, NewRefund, Operation,
    OperationKey, PaymentMethod, PaymentStatus, Reference, Refund, RefundEnd, RefundFailure,
    RefundOutcome, RefundState, UnknownState, UnsavedCalls,
};
pub use error::{
    AMOUNT_NOT_ACCEPTED, GATEWAY_REFUSED, GATEWAY_UNAVAILABLE, PROBLEM_TYPES, PaymentError,
};
pub use ids::{AttemptId, RefundId};
pub use oms_circuit_breaker::BreakerState;
pub use ports::{
    Answered, Effect, GatewayError, GatewayFault, PaymentGateway, PrepareRequest, RefundRequest,
};
pub use service::{
    BeginRefund, CollectOutcome, Collected, FencePolicy, LaterCause, RefundResult, SettleOutcome,
    Settled, begin_refund, close_attempt, collect_payment, execute_refund, find_payment,
    find_pending_refund, find_refund_by_key, finish_refund, list_attempts, list_calls,
    list_refunds, record_attempts, save_calls, settle_payment,
};
