#![doc = include_str!("../README.md")]

mod problem;
mod problem_type;
mod refusals;

pub use problem::{FieldError, Problem, ProblemBody};
pub use problem_type::{Kind, ProblemType};
pub use refusals::{invalid_field, invalid_fields, version_mismatch};

problem_types! {
    /// The body is not JSON, or does not have the documented shape, or a field breaks its rule.
    INVALID_REQUEST = "request.invalid", InvalidRequest, "The request is not valid";
    /// A header is missing or breaks its rule.
    INVALID_HEADER = "request.invalid_header", InvalidRequest, "A header is missing or not valid";
    /// The request carries no credentials that are known here.
    UNAUTHENTICATED = "access.unauthenticated", Unauthorized, "Credentials are required, and these are not known";
    /// No such route.
    ROUTE_NOT_FOUND = "request.route_not_found", NotFound, "There is nothing at this address";
    /// The route exists, for another method.
    METHOD_NOT_ALLOWED = "request.method_not_allowed", MethodNotAllowed, "This method is not allowed here";
    /// The header `If-Match` names a state that the thing is not in any more. Read it again.
    PRECONDITION_FAILED = "request.precondition_failed", PreconditionFailed, "It was changed meanwhile";
    /// What is to be changed was read before; its `ETag` has to be in the header `If-Match`.
    PRECONDITION_REQUIRED = "request.precondition_required", PreconditionRequired, "The header If-Match is required";
    /// The body did not arrive in time.
    BODY_TIMEOUT = "request.timeout", RequestTimeout, "The request took too long to arrive";
    /// The request line and the headers are larger than the limit.
    HEAD_TOO_LARGE = "request.head_too_large", HeadTooLarge, "The request head is too large";
    /// The body is larger than the limit.
    BODY_TOO_LARGE = "request.too_large", PayloadTooLarge, "The request body is too large";
    /// The content type is not `application/json`, or its charset is not UTF-8.
    UNSUPPORTED_MEDIA_TYPE = "request.unsupported_media_type", UnsupportedMediaType, "The content type is not supported";
    /// The database can't be reached, or a lock could not be had in time. Nothing was kept.
    DATABASE_UNAVAILABLE = "service.database_unavailable", Unavailable, "The database is not available";
    /// The database refuses what the request needs, because its role lacks a right. An operator must grant it. What was
    /// committed before stays.
    DATABASE_DENIED = "service.database_denied", Misconfigured, "The database denies access";
    /// Too many requests are under way. Nothing was done.
    OVERLOADED = "service.overloaded", Unavailable, "The server has too many requests under way";
    /// A defect of the server. The outcome is not known; repeat with the same idempotency key to learn it.
    INTERNAL = "service.internal", Internal, "Something went wrong on our side";
}
