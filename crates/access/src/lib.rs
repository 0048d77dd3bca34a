#![doc = include_str!("../README.md")]

mod adapters;
mod context;
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
pub use error::{AccessError, ISSUER_UNAVAILABLE, PROBLEM_TYPES, RATE_LIMITED, ViewsError};
pub use service::authenticate::{Authenticator, AuthenticatorSettings};
pub use service::verify_token::Issuer;

// For the console, whose operators sign in to sessions, and share views of the list of orders.
pub use context::SessionsContext;
pub use domain::provider::{Awaited, InvalidAwaited};
pub use domain::session::{
    NewSession, Presence, SESSION_LIFETIME, Session, SessionId, SessionSummary,
};
pub use domain::tenant_secret::{InvalidSecret, TenantSecret};
pub use domain::view::{
    InvalidViewName, InvalidViewQuery, MAX_VIEWS, SavedView, ViewId, ViewName, ViewQuery,
};
pub use service::create_link::create_link;
pub use service::delete_view::delete_view;
pub use service::end_sessions::{sign_out, sign_out_everywhere};
pub use service::list_sessions::{list_keys_of, list_sessions};
pub use service::list_views::list_views;
pub use service::purge_sessions::{purge_sessions, purge_sign_in_links};
pub use service::rename_view::rename_view;
pub use service::resume_session::resume_session;
pub use service::save_view::save_view;
pub use service::sign_in::sign_in;
pub use service::sign_in_at_provider::{IdentityProvider, ProviderSettings, sign_in_at_provider};
pub use service::sign_in_with_link::sign_in_with_link;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// For `oms-api keys`, with which the owner of the database manages keys.
pub use domain::api_key::{ApiKey, InvalidApiKey};
pub use domain::key::{CreatedKey, KeyId, KeyState, KeySummary, NewKey};
pub use service::create_key::create_key;
pub use service::list_keys::list_keys;
pub use service::revoke_key::revoke_key;
pub use service::rotate_key::rotate_key;
