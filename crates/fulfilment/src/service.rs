//! The use cases of fulfilment, one per file.

pub(crate) mod cancel_shipment;
pub(crate) mod change_parcel;
pub(crate) mod decide_return;
pub(crate) mod deliver_shipment;
pub(crate) mod dispatch;
pub(crate) mod erase_addresses;
pub(crate) mod find_fulfilments;
pub(crate) mod find_orders;
pub(crate) mod find_returns;
pub(crate) mod freeze;
pub(crate) mod get_fulfilment_order;
pub(crate) mod get_return;
pub(crate) mod get_shipment;
pub(crate) mod hold;
pub(crate) mod list_fulfilment_orders;
pub(crate) mod list_returns;
pub(crate) mod list_shipments;
pub(crate) mod open;
pub(crate) mod receive_units;
pub(crate) mod record_tracking;
pub(crate) mod request_return;
pub(crate) mod start;
