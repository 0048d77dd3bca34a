//! What a request says of its credential, and what its endpoint and its client are told of it.

pub(crate) mod announce_limits;
pub(crate) mod authorise;
pub(crate) mod bearer_token;

pub use announce_limits::{announce, announce_limits};
pub use authorise::{act_for, authorise};
pub use bearer_token::bearer_token;
