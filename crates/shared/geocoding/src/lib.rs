#![doc = include_str!("../README.md")]

pub mod adapters;
mod address;
mod cached;
mod chain;
mod coordinates;
mod geocoder;
mod grants;
mod limited;
mod problems;
mod store;

pub use address::{Address, InvalidAddress};
pub use cached::{CachedGeocoder, DEFAULT_TTL, purge_cached_locations};
pub use chain::Chain;
pub use coordinates::{Coordinates, InvalidCoordinates};
pub use geocoder::{GeocodeError, Geocoder};
pub use grants::GRANTS;
pub use limited::LimitedGeocoder;
// Part of the signature of `Geocoder`.
pub use oms_circuit_breaker::CircuitBreaker;
pub use problems::{ADDRESS_NOT_FOUND, PROBLEM_TYPES, TOO_MANY_LOOK_UPS, UNAVAILABLE};
