//! Other services that this context calls.

pub(crate) mod issuer_keys;
