//! HTTP authentication: bearer tokens, authorisation, and rate limit headers.

pub(crate) mod announce_limits;
pub(crate) mod authorise;
pub(crate) mod bearer_token;
mod problem;

pub use announce_limits::{announce, announce_limits};
pub use authorise::{act_for, authorise};
pub use bearer_token::bearer_token;
