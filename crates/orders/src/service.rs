//! The use cases of orders, one in each file, and the steps that they share.

mod advance_order;
mod apply_gateway_event;
pub(crate) mod apply_gateway_events;
mod change_status;
mod dead_letter_order;
pub(crate) mod deliver_alerts;
mod end_order;
pub(crate) mod get_dead_letter;
pub(crate) mod get_order;
mod intake;
pub(crate) mod list_dead_letters;
pub(crate) mod measure_backlog;
pub(crate) mod place_order;
pub(crate) mod resolve_dead_letter;
pub(crate) mod retry_dead_letter;
mod settle_pending;
pub(crate) mod sweep_orders;
