//! Classes of errors and their stable codes.

/// A class of errors. It determines the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request itself is invalid.
    InvalidRequest,
    /// 401: the request has no credentials, or unknown ones.
    Unauthorized,
    /// 402: the payment was declined.
    PaymentRequired,
    /// 403: the credentials are known but do not allow this.
    Forbidden,
    /// 404: the resource does not exist, or belongs to another tenant.
    NotFound,
    /// 405: the route does not support this method.
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 409: another operation on the same resource is in progress.
    Conflict,
    /// 409: the state of the resource does not allow this, and waiting alone does not help.
    WrongState,
    /// 410: it existed, and was deleted for good.
    Gone,
    /// 412: the resource is no longer in the state that the request names.
    PreconditionFailed,
    /// 413: the body is too large.
    PayloadTooLarge,
    /// 415: the content type is not supported.
    UnsupportedMediaType,
    /// 422: the request is well-formed but can't be carried out.
    Unprocessable,
    /// 429: these credentials sent too many requests. Nothing was done.
    TooManyRequests,
    /// 431: the headers are too large.
    HeadTooLarge,
    /// 428: the request must name the state of the resource that it is for.
    PreconditionRequired,
    /// 500: a bug.
    Internal,
    /// 503: a dependency is not available. Nothing was kept.
    Unavailable,
    /// 503: a dependency rejects this installation. Nothing was kept, and retrying is useless until an operator has
    /// fixed the cause.
    Misconfigured,
}

impl Kind {
    /// The HTTP status code.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::PaymentRequired => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict | Self::WrongState => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::PreconditionRequired => 428,
            Self::HeadTooLarge => 431,
            Self::Internal => 500,
            Self::Unavailable | Self::Misconfigured => 503,
        }
    }

    /// Whether the same request, with the same idempotency key, may succeed later.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout
                | Self::Conflict
                | Self::TooManyRequests
                | Self::Internal
                | Self::Unavailable
        )
    }
}

/// One kind of error: a stable code that clients may match on, its class and its title.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Stable and unique, `<area>.<what>`.
    pub code: &'static str,
    /// The class.
    pub kind: Kind,
    /// One short sentence, the same for every occurrence.
    pub title: &'static str,
    /// What the error means and what the client can do: the doc comment of the constant.
    pub meaning: &'static str,
}

/// Declares the problem types of a crate as constants, and lists them in `PROBLEM_TYPES`.
///
/// The doc comment of each constant is its row in `docs/reference/problem-codes.md`.
#[macro_export]
macro_rules! problem_types {
    ($($(#[doc = $meaning:literal])+ $name:ident = $code:literal, $kind:ident, $title:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub const $name: $crate::ProblemType = $crate::ProblemType {
                code: $code,
                kind: $crate::Kind::$kind,
                title: $title,
                meaning: concat!($($meaning),+),
            };
        )+

        /// All problem types that this crate declares.
        pub const PROBLEM_TYPES: &[$crate::ProblemType] = &[$($name),+];
    };
}
