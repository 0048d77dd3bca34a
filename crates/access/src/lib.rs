#![doc = include_str!("../README.md")]

mod adapters;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

// For the program, which authenticates and authorises requests.
pub use adapters::issuer_keys::InvalidIssuer;
pub use domain::api_key::KeyMode;
pub use domain::credential::{Credential, CredentialName, InvalidCredentialName};
pub use domain::issuer::{IssuerSettings, OrdersWrite, TokenAlgorithm, UnknownAlgorithm};
pub use domain::rate_limit::{Allowance, RateLimit, RateLimits};
pub use error::{AccessError, ISSUER_UNAVAILABLE, PROBLEM_TYPES, RATE_LIMITED};
pub use service::authenticate::{Authenticator, AuthenticatorSettings};
pub use service::verify_token::Issuer;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// For `oms-api keys`, with which the owner of the database manages keys.
pub use domain::api_key::{ApiKey, InvalidApiKey};
pub use domain::key::{CreatedKey, KeyId, KeyState, KeySummary, NewKey};
pub use service::create_key::create_key;
pub use service::list_keys::list_keys;
pub use service::revoke_key::revoke_key;
pub use service::rotate_key::rotate_key;
