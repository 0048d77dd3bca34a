#![doc = include_str!("../README.md")]

pub mod adapters;
mod domain;
mod error;
mod ids;
mod ports;
mod service;
mod store;

pub use domain::{
    Attempt, AttemptState, CardNumber, Closing, DeclineCode, InvalidPaymentMethod,
    InvalidReference, NewAttempt, Operation, OperationKey, PaymentMethod, PaymentStatus, Reference,
    RefundOutcome, UnknownState,
};
pub use error::{GATEWAY_REFUSED, GATEWAY_UNAVAILABLE, PROBLEM_TYPES, PaymentError};
pub use ids::AttemptId;
pub use oms_circuit_breaker::BreakerState;
pub use ports::{Effect, GatewayError, GatewayFault, PaymentGateway, PrepareRequest};
pub use service::{
    CollectOutcome, FencePolicy, LaterCause, SettleOutcome, close_attempt, collect_payment,
    find_payment, record_attempts, settle_payment,
};
