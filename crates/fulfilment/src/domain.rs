//! The rules of fulfilment, free of IO.

pub(crate) mod evacuation;
pub(crate) mod fulfilment_order;
pub(crate) mod fulfilment_status;
pub(crate) mod happening;
pub(crate) mod hold;
pub(crate) mod id;
pub(crate) mod limits;
pub(crate) mod line;
pub(crate) mod moving;
pub(crate) mod open_order;
pub(crate) mod parcel;
pub(crate) mod refusal;
pub(crate) mod returns;
pub(crate) mod shipment;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod tracking;
pub(crate) mod work_list;

pub(crate) use oms_validation::words;
