//! The rules of orders, without IO.

pub(crate) mod actor;
pub(crate) mod address;
pub(crate) mod alert;
pub(crate) mod authorship;
pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod dead_letter;
pub(crate) mod event;
pub(crate) mod external_reference;
pub(crate) mod failure;
pub(crate) mod finding;
pub(crate) mod fingerprint;
pub(crate) mod id;
pub(crate) mod line;
pub(crate) mod metadata;
pub(crate) mod open_payment;
pub(crate) mod order;
pub(crate) mod order_listing;
pub(crate) mod reason;
pub(crate) mod reconcile_window;
pub(crate) mod refund;
pub(crate) mod settlement;
pub(crate) mod status;
pub(crate) mod suspicion;
pub(crate) mod timeline;
