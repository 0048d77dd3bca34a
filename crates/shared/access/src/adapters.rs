//! What is asked of other services.

mod issuer_keys;

pub(crate) use issuer_keys::{FetchError, IssuerKeys};
