#![doc = include_str!("../README.md")]

mod problem;
mod problem_type;
mod refusals;

pub use problem::{FieldError, Problem, ProblemBody};
pub use problem_type::{Kind, ProblemType};
pub use refusals::{invalid_field, invalid_fields, version_mismatch};

problem_types! {
    /// The body is not JSON, does not have the documented shape, or has a field that violates its rule. `errors` names the fields.
    INVALID_REQUEST = "request.invalid", InvalidRequest, "The request is not valid";
    /// A required header is missing, or a header violates its rule.
    INVALID_HEADER = "request.invalid_header", InvalidRequest, "A header is missing or not valid";
    /// The request has no API key or token, or one that is not valid for this installation.
    UNAUTHENTICATED = "access.unauthenticated", Unauthorized, "The credentials are missing or unknown";
    /// The credential is valid but lacks a scope. `scope` in the body names it.
    FORBIDDEN = "access.forbidden", Forbidden, "Missing scope";
    /// There is no route with this path.
    ROUTE_NOT_FOUND = "request.route_not_found", NotFound, "This address does not exist";
    /// The route does not support this method. `Allow` lists those that it does.
    METHOD_NOT_ALLOWED = "request.method_not_allowed", MethodNotAllowed, "The method is not allowed here";
    /// `If-Match` names an older version of the resource. Read it again.
    PRECONDITION_FAILED = "request.precondition_failed", PreconditionFailed, "The resource has changed meanwhile";
    /// The change requires the header `If-Match` with the `ETag` that was read, or `*`.
    PRECONDITION_REQUIRED = "request.precondition_required", PreconditionRequired, "The header If-Match is required";
    /// The head or the body of the request did not arrive in time.
    BODY_TIMEOUT = "request.timeout", RequestTimeout, "The request took too long to arrive";
    /// The request line and the headers exceed 16 KiB.
    HEAD_TOO_LARGE = "request.head_too_large", HeadTooLarge, "The request head is too large";
    /// The body exceeds its limit.
    BODY_TOO_LARGE = "request.too_large", PayloadTooLarge, "The request body is too large";
    /// The content type is not supported by this endpoint, or its charset is not UTF-8.
    UNSUPPORTED_MEDIA_TYPE = "request.unsupported_media_type", UnsupportedMediaType, "The content type is not supported";
    /// The database can't be reached, or a lock could not be acquired in time. Nothing was kept. Send the same request again after `Retry-After` seconds.
    DATABASE_UNAVAILABLE = "service.database_unavailable", Unavailable, "The database is not available";
    /// The database role lacks a privilege that the request needs. An operator must grant it. Changes that the request already committed are kept. Repeat it with the same idempotency key afterwards.
    DATABASE_DENIED = "service.database_denied", Misconfigured, "The database denies access";
    /// Too many requests are in flight. Nothing was done. Send the same request again after `Retry-After` seconds.
    OVERLOADED = "service.overloaded", Unavailable, "Too many requests in flight";
    /// A bug in the server. The outcome is unknown. Repeat the request with the same idempotency key to learn it.
    INTERNAL = "service.internal", Internal, "Internal server error";
}
