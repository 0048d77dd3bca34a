//! The use cases of orders, one in each file, and the steps that they share.

mod end_order;
pub(crate) mod get_order;
mod intake;
pub(crate) mod place_order;
pub(crate) mod sweep_orders;
