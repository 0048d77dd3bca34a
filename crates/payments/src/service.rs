//! The use cases, one per file.

mod apply_gateway_events;
mod begin_refund;
mod close_attempts;
mod collect_payment;
mod execute_refund;
mod find_attempt_by_reference;
mod find_attempts_by_references;
mod find_known_events;
mod find_newest_attempt;
mod find_payment;
mod find_remainder;
mod finish_refund;
mod mirror_refunds;
mod payment_batches;
mod purge_gateway_events;
mod receive_gateway_event;
mod record_attempts;
mod recorded_gateway;
mod settle_payment;

pub use apply_gateway_events::{
    claim_gateway_events, count_due_gateway_events, find_due_event_tenants, finish_gateway_event,
    postpone_gateway_event, return_gateway_event,
};
pub use begin_refund::{BeginRefund, begin_refund};
pub use close_attempts::{close_attempts, closing_all};
pub use collect_payment::{CollectOutcome, Collected, collect_payment};
pub use execute_refund::{RefundResult, execute_refund};
pub use find_attempt_by_reference::find_attempt_by_reference;
pub use find_attempts_by_references::find_attempts_by_references;
pub use find_known_events::find_known_events;
pub use find_newest_attempt::find_newest_attempt;
pub use find_payment::{
    count_left, find_latest_change, find_payment, find_payments_and_refunds, find_pending_refund,
    find_refund_by_key, find_refunded, find_refunds, list_attempts, list_calls, list_calls_from,
    list_refunds,
};
pub use find_remainder::{Remainder, Word, find_remainder};
pub use finish_refund::{Finished, finish_refund};
pub use mirror_refunds::{Mirrored, mirror_refunds};
pub use payment_batches::PaymentBatches;
pub use purge_gateway_events::{KEEP_GATEWAY_EVENTS, purge_gateway_events};
pub(crate) use receive_gateway_event::find_event_tenant;
pub use receive_gateway_event::{Received, receive_gateway_event};
pub use record_attempts::{record_attempts, recording};
pub use recorded_gateway::save_calls;
pub use settle_payment::{FencePolicy, LaterCause, SettleOutcome, Settled, settle_payment};
