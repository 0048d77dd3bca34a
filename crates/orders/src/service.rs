//! The use cases of orders, one in each file, and the steps that they share, grouped in rooms.
//!
//! A room uses only rooms declared above it, so that they don't form a circle. `xtask/edges.toml` lists which.

pub(crate) mod fulfilling;
pub(crate) mod operating;
pub(crate) mod placing;
pub(crate) mod reading;
pub(crate) mod reconciling;
pub(crate) mod rerouting;
pub(crate) mod returning;
pub(crate) mod reversing;
pub(crate) mod settling;
pub(crate) mod transitions;
