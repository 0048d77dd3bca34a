//! Adapters to external services.

pub(crate) mod issuer_keys;
pub(crate) mod provider_endpoints;
