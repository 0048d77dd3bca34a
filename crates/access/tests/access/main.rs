//! Credentials: keys in a database, and tokens of an issuer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keys;
mod tokens;
