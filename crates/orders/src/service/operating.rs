//! Operator actions and maintenance: dead letters, alerts, settings, erasure and retention.

pub(crate) mod ask_gateway;
pub(crate) mod continue_erasures;
pub(crate) mod create_dead_letter;
pub(crate) mod erase_customer;
pub(crate) mod erase_orders;
pub(crate) mod explain_alert;
pub(crate) mod give_up_refund;
pub(crate) mod purge_addresses;
pub(crate) mod purge_declines;
pub(crate) mod purge_idempotency_keys;
pub(crate) mod resolve_dead_letter;
pub(crate) mod retry_dead_letter;
pub(crate) mod set_settings;
pub(crate) mod settle_elsewhere;
pub(crate) mod try_now;
