//! The tables of this context. All of its SQL is below here, and no other context's table is.

pub(crate) mod attempts;
pub(crate) mod gateway_events;
