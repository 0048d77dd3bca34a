//! Geocoding: the cache on a database, and the adapter against a server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod nominatim;
