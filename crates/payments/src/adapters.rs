//! The payment gateways. Only this module makes HTTP calls to one. `instant` exists only in memory, for measuring.

pub mod instant;
pub mod stripe;
