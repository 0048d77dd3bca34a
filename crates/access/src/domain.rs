//! Keys, tokens and rate limits, free of IO.

pub(crate) mod api_key;
pub(crate) mod credential;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod key_memory;
pub(crate) mod key_set;
pub(crate) mod provider;
pub(crate) mod rate_limit;
pub(crate) mod session;
pub(crate) mod signatures;
pub(crate) mod tenant_secret;
pub(crate) mod token_claims;
pub(crate) mod view;
