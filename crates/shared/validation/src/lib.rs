#![doc = include_str!("../README.md")]

pub mod http;
mod id;
mod idempotency_key;
mod location;
mod money;
pub mod openapi;
mod operator_name;

pub use id::{InvalidId, OrderId, TenantId, parse_uuid};
pub use idempotency_key::{IdempotencyKey, InvalidIdempotencyKey};
pub use location::{InvalidLocation, Location};
pub use money::{Currency, InvalidCurrency, Money, MoneyError};
pub use operator_name::{InvalidOperatorName, OperatorName};

#[doc(hidden)]
pub mod reexport {
    //! What `define_id!` expands to.
    pub use serde;
    pub use utoipa;
    pub use uuid;
}
