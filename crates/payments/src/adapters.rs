//! Payment gateways as they are in the world: the only place that speaks HTTP to one. And one that is not, for measuring.

pub mod instant;
pub mod stripe;
