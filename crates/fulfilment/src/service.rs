//! The use cases of fulfilment, one per file.

pub(crate) mod cancel_shipment;
pub(crate) mod change_parcel;
pub(crate) mod count_open;
pub(crate) mod dispatch;
pub(crate) mod erase_addresses;
pub(crate) mod evacuation_work;
pub(crate) mod evacuations;
pub(crate) mod find_fulfilments;
pub(crate) mod find_open;
pub(crate) mod find_orders;
pub(crate) mod freeze;
pub(crate) mod get_fulfilment_order;
pub(crate) mod get_shipment;
pub(crate) mod hold;
pub(crate) mod list_fulfilment_orders;
pub(crate) mod list_shipments;
pub(crate) mod list_tracking;
pub(crate) mod moves;
pub(crate) mod open;
pub(crate) mod read_evacuations;
pub(crate) mod record_tracking;
pub(crate) mod relocation;
pub(crate) mod start;
