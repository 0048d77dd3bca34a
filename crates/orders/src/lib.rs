#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

pub use context::{OrderContext, OrderSettings};
pub use domain::address::{AddressParts, AddressText, ShippingAddress};
pub use domain::failure::Failure;
pub use domain::id::CustomerId;
pub use domain::line::{OrderLine, RequestedLine};
pub use domain::order::{Order, OrderRequest};
pub use domain::status::OrderStatus;
pub use error::{OrderError, PROBLEM_TYPES};
pub use service::get_order::{OrderDetails, get_order};
pub use service::place_order::{PlacedOrder, place_order};
pub use service::sweep_orders::{SweepSummary, sweep_orders};
