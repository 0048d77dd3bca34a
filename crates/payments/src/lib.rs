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
    Attempt, AttemptState, Capture, CardNumber, ChargeId, ChargePage, ChargeStatus, ChargeWindow,
    Closing, DeclineCode, EventRelevance, GatewayEvent, GatewayEventId, InvalidPaymentMethod,
    InvalidReference, ListedCharge, NewAttempt, NewGatewayEvent, Operation, OperationKey,
    PaymentMethod, PaymentStatus, Reference, RefundOutcome, UnknownState,
};
pub use error::{
    GATEWAY_REFUSED, GATEWAY_UNAVAILABLE, INVALID_SIGNATURE, PROBLEM_TYPES, PaymentError,
};
pub use ids::AttemptId;
pub use oms_circuit_breaker::BreakerState;
pub use ports::{Effect, GatewayError, GatewayFault, PaymentGateway, PrepareRequest};
pub use service::{
    CollectOutcome, FencePolicy, LaterCause, SettleOutcome, close_attempt, collect_payment,
    find_payment, record_attempts, settle_payment,
};
pub use service::{
    KEEP_GATEWAY_EVENTS, Received, claim_gateway_events, find_attempt_by_reference,
    find_attempts_by_references, find_due_event_tenants, finish_gateway_event,
    postpone_gateway_event, purge_gateway_events, receive_gateway_event,
};
