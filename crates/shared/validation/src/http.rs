//! How a request becomes our types: a JSON body that is bounded, complete and valid, the idempotency key, the version that a
//! change is for, the page of a list, the tenant, the operator, and what the answer may show.

mod body;
mod current_actor;
mod current_operator;
mod current_tenant;
mod disclosed;
mod disclosure;
mod entity_tags;
mod field_errors;
mod idempotency_key_header;
mod if_match;
mod media_type;
pub mod paging;
mod valid_json;

pub use body::{BodyLimits, for_each_piece, read_body};
pub use current_actor::CurrentActor;
pub use current_operator::CurrentOperator;
pub use current_tenant::CurrentTenant;
pub use disclosed::Disclosed;
pub use disclosure::Disclosure;
pub use entity_tags::EntityTags;
pub use field_errors::{invalid_field, reason_of};
pub use idempotency_key_header::{IdempotencyKeyHeader, OptionalIdempotencyKey, mark_replayed};
pub use if_match::{IfMatch, etag, version_mismatch};
pub use media_type::utf8_media_type;
pub use valid_json::{OptionalJson, ValidJson};
