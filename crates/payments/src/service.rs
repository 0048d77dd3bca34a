//! The use cases, one to a file.

mod apply_gateway_events;
mod close_attempt;
mod collect_payment;
mod find_attempt_by_reference;
mod find_attempts_by_references;
mod find_payment;
mod purge_gateway_events;
mod receive_gateway_event;
mod record_attempts;
mod settle_payment;

pub use apply_gateway_events::{
    claim_gateway_events, find_due_event_tenants, finish_gateway_event, postpone_gateway_event,
};
pub use close_attempt::close_attempt;
pub use collect_payment::{CollectOutcome, collect_payment};
pub use find_attempt_by_reference::find_attempt_by_reference;
pub use find_attempts_by_references::find_attempts_by_references;
pub use find_payment::find_payment;
pub use purge_gateway_events::{KEEP_GATEWAY_EVENTS, purge_gateway_events};
pub use receive_gateway_event::{Received, receive_gateway_event};
pub use record_attempts::record_attempts;
pub use settle_payment::{FencePolicy, LaterCause, SettleOutcome, settle_payment};
