//! Adapters to external services.

pub(crate) mod issuer_keys;
