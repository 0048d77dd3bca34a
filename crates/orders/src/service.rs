//! The use cases of orders, one in each file, and the steps that they share, in rooms.
//!
//! A room may use those that stand above it here and no other, so that none of them goes round in a circle.

pub(crate) mod operating;
pub(crate) mod placing;
pub(crate) mod reading;
pub(crate) mod reconciling;
pub(crate) mod reversing;
pub(crate) mod settling;
pub(crate) mod transitions;
