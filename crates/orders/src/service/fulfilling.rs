//! Packing, shipping and delivering what was ordered: fulfilment orders and shipments change under the order's lock,
//! together with stock and timeline.

pub(crate) mod cancel_shipment;
pub(crate) mod change_work;
pub(crate) mod create_shipment;
pub(crate) mod deliver_shipment;
pub(crate) mod facts;
pub(crate) mod hold_back;
pub(crate) mod lock_order;
pub(crate) mod move_stock;
pub(crate) mod open_missing;
pub(crate) mod order_fulfilments;
pub(crate) mod place_hold;
pub(crate) mod record_tracking;
pub(crate) mod release_hold;
pub(crate) mod ship_shipment;
pub(crate) mod ship_together;
mod shipped_events;
mod shipping_keys;
pub(crate) mod to_send;
