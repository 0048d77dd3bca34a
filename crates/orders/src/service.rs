//! The use cases of orders, one in each file, and the steps that they share, in rooms.
//!
//! A room uses only rooms that are declared above it, so that there is no circle between them. `xtask/edges.toml` says which
//! ones.

pub(crate) mod operating;
pub(crate) mod placing;
pub(crate) mod reading;
pub(crate) mod reconciling;
pub(crate) mod reversing;
pub(crate) mod settling;
pub(crate) mod transitions;
