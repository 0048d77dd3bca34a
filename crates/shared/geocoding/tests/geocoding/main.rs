//! Tests of geocoding: the cache on a database, and the adapter against a server.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod cache;
mod nominatim;
