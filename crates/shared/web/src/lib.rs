#![doc = include_str!("../README.md")]

mod body;
mod current_actor;
mod current_operator;
mod current_tenant;
mod detached;
mod disclosed;
mod disclosure;
mod entity_tags;
mod field_errors;
mod granted_scopes;
mod idempotency_key_header;
mod if_match;
mod media_type;
pub mod openapi;
mod page_body;
mod problem_response;
mod query;
mod routes;
mod valid_json;

pub use body::{BodyLimits, for_each_piece, read_body};
pub use current_actor::CurrentActor;
pub use current_operator::CurrentOperator;
pub use current_tenant::CurrentTenant;
pub use detached::Detached;
pub use disclosed::Disclosed;
pub use disclosure::Disclosure;
pub use entity_tags::EntityTags;
pub use field_errors::reason_of;
pub use granted_scopes::{GrantedScopes, forbidden};
pub use idempotency_key_header::{IdempotencyKeyHeader, OptionalIdempotencyKey, mark_replayed};
pub use if_match::{IfMatch, OptionalIfMatch, etag};
pub use media_type::utf8_media_type;
pub use page_body::PageBody;
pub use problem_response::{
    ProblemResponse, REQUEST_ID, RequestId, answer_problem, problem_bytes, problem_json,
};
pub use query::Query;
pub use routes::{Access, Route, method_not_allowed, registered};
pub use valid_json::{OptionalJson, ValidJson};

#[doc(hidden)]
pub mod reexport {
    //! Items that the expansion of `route!` uses.
    pub use actix_web::http::Method;
    pub use actix_web::web;
}
