//! The SQL of orders. Nothing outside this module names the schema.

pub(crate) mod events;
pub(crate) mod lines;
pub(crate) mod orders;
pub(crate) mod reconciliations;
