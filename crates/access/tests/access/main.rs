//! Tests of credentials: keys in a database, and tokens of an issuer.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod keys;
mod tokens;
