//! Classes of errors and their stable codes.

/// A class of errors; decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request itself is wrong.
    InvalidRequest,
    /// 401: the request carries no credentials, or none that are known.
    Unauthorized,
    /// 402: the payment was refused.
    PaymentRequired,
    /// 403: the credentials are known, and do not allow this.
    Forbidden,
    /// 404: no such thing, or it is another tenant's.
    NotFound,
    /// 405: the route does not know this method.
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 409: something else is happening to the same thing right now.
    Conflict,
    /// 409: the thing is in a state that does not allow it, and waiting alone changes nothing.
    WrongState,
    /// 412: the thing is not any more what the request says it was.
    PreconditionFailed,
    /// 413: the body is too large.
    PayloadTooLarge,
    /// 415: the content type is not supported.
    UnsupportedMediaType,
    /// 422: well-formed, but it can't be done.
    Unprocessable,
    /// 429: too often for these credentials; nothing was done.
    TooManyRequests,
    /// 431: the headers are too large.
    HeadTooLarge,
    /// 428: the request has to say which state of the thing it is about.
    PreconditionRequired,
    /// 500: a defect.
    Internal,
    /// 503: a dependency is not available; nothing was kept.
    Unavailable,
    /// 503: a dependency refuses this installation. Nothing was kept, and trying again is no use before an operator has
    /// seen to it.
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

    /// Whether the same request, with the same idempotency key, may get another answer later.
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

/// One meaning of an error: a stable code that clients may match on, its class and its title.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Stable and unique, `<area>.<what>`.
    pub code: &'static str,
    /// The class.
    pub kind: Kind,
    /// One short sentence, the same for every occurrence.
    pub title: &'static str,
    /// What it means and what the client can do: the documentation of the constant.
    pub meaning: &'static str,
}

/// Declares the problem types of a crate as constants, and `PROBLEM_TYPES`, the list of all of them.
///
/// The documentation of each constant is its row in `docs/reference/problem-codes.md`.
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

        /// Every problem type that this crate declares.
        pub const PROBLEM_TYPES: &[$crate::ProblemType] = &[$($name),+];
    };
}
