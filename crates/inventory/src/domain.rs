//! The rules of stock and routing, without IO.

pub(crate) mod allocation;
pub(crate) mod catalogue;
pub(crate) mod demand;
pub(crate) mod explanation;
pub(crate) mod id;
pub(crate) mod rivalry;
pub(crate) mod routing;
