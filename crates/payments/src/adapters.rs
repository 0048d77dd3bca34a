//! Payment gateways as they are in the world: the only place that speaks HTTP to one.

pub mod stripe;
