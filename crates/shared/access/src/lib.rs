#![doc = include_str!("../README.md")]

mod adapters;
mod api_key;
mod authenticator;
mod credential;
mod error;
mod issuer;
mod key_memory;
mod rate_limit;
mod scope;
mod service;
mod store;

pub use api_key::{ApiKey, InvalidApiKey, KeyMode};
pub use authenticator::{Authenticator, AuthenticatorSettings};
pub use credential::{Credential, CredentialName, InvalidCredentialName};
pub use error::{AccessError, FORBIDDEN, ISSUER_UNAVAILABLE, PROBLEM_TYPES, RATE_LIMITED};
pub use issuer::{
    InvalidIssuer, Issuer, IssuerSettings, OrdersWrite, TokenAlgorithm, UnknownAlgorithm,
};
pub use rate_limit::{Allowance, RateLimit, RateLimits};
pub use scope::{Scope, Scopes, UnknownScope};
pub use service::{
    CreatedKey, KeyId, KeyState, KeySummary, NewKey, create_key, list_keys, revoke_key, rotate_key,
};
