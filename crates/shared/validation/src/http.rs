//! How a request becomes our types: a JSON body that is bounded, complete and valid, the idempotency key, the version that a
//! change is for, the page of a list, the tenant, and the operator.

mod body;
mod current_operator;
mod current_tenant;
mod entity_tags;
mod field_errors;
mod idempotency_key_header;
mod if_match;
mod may_write_orders;
mod media_type;
pub mod paging;
mod valid_json;

pub use body::{BodyLimits, for_each_piece, read_body};
pub use current_operator::CurrentOperator;
pub use current_tenant::CurrentTenant;
pub use entity_tags::EntityTags;
pub use field_errors::{invalid_field, reason_of};
pub use idempotency_key_header::{IdempotencyKeyHeader, OptionalIdempotencyKey, mark_replayed};
pub use if_match::{IfMatch, etag, version_mismatch};
pub use may_write_orders::MayWriteOrders;
pub use media_type::utf8_media_type;
pub use valid_json::{OptionalJson, ValidJson};
