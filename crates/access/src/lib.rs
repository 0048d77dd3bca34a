#![doc = include_str!("../README.md")]

mod adapters;
mod domain;
mod error;
pub mod http;
mod service;
mod store;

// Admission: the program reads the credential of a request, and asks whom it stands for and what it may do.
pub use adapters::issuer_keys::InvalidIssuer;
pub use domain::api_key::KeyMode;
pub use domain::credential::{Credential, CredentialName, InvalidCredentialName};
pub use domain::issuer::{IssuerSettings, OrdersWrite, TokenAlgorithm, UnknownAlgorithm};
pub use domain::rate_limit::{Allowance, RateLimit, RateLimits};
pub use error::{AccessError, FORBIDDEN, ISSUER_UNAVAILABLE, PROBLEM_TYPES, RATE_LIMITED};
pub use service::authenticate::{Authenticator, AuthenticatorSettings};
pub use service::verify_token::Issuer;

// `oms-api grants`: the rights of the role that serves.
pub use store::grants::GRANTS;

// `oms-api keys`: the owner of the database manages keys on the command line.
pub use domain::api_key::{ApiKey, InvalidApiKey};
pub use domain::key::{CreatedKey, KeyId, KeyState, KeySummary, NewKey};
pub use service::create_key::create_key;
pub use service::list_keys::list_keys;
pub use service::revoke_key::revoke_key;
pub use service::rotate_key::rotate_key;
