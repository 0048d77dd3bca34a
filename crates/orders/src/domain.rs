//! The rules of orders, without IO.

pub(crate) mod address;
pub(crate) mod backoff;
pub(crate) mod failure;
pub(crate) mod fingerprint;
pub(crate) mod id;
pub(crate) mod line;
pub(crate) mod order;
pub(crate) mod status;
