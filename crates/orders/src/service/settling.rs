//! Settles orders without a request: the sweeper's turns and the gateway's events.

pub(crate) mod advance_order;
pub(crate) mod apply_gateway_event;
pub(crate) mod apply_gateway_events;
pub(crate) mod settle_pending;
pub(crate) mod sweep_orders;
