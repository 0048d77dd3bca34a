#![doc = include_str!("../README.md")]

mod actor;
mod cursor;
mod expected_version;
mod id;
mod idempotency_key;
pub mod json;
mod keyed;
mod location;
mod money;
mod newer_word;
pub mod openapi;
mod operator_name;
mod page;
mod reason;
mod scope;
pub mod text;
mod time;
mod words;

pub use actor::{Actor, InvalidActor};
pub use cursor::{Cursor, CursorKey, InvalidCursor};
pub use expected_version::{ExpectedVersion, OtherVersion};
pub use id::{InstallationId, InvalidId, OrderId, ProductId, TenantId, WarehouseId, parse_uuid};
pub use idempotency_key::{IdempotencyKey, InvalidIdempotencyKey};
pub use keyed::{Fingerprint, Keyed, Once};
pub use location::{InvalidLocation, Location};
pub use money::{Currency, InvalidAmount, InvalidCurrency, Money, MoneyError};
pub use newer_word::newer_word;
pub use operator_name::{InvalidOperatorName, OperatorName};
pub use page::{Page, PageSize};
pub use reason::{InvalidReason, Reason};
pub use scope::{Scope, Scopes, UnknownScope};
pub use time::{InvalidTime, Time};

#[doc(hidden)]
pub mod reexport {
    //! Items that the expansion of `define_id!` uses.
    pub use serde;
    pub use utoipa;
    pub use uuid;
}
