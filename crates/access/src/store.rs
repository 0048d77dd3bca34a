//! The SQL of access. Nothing outside this module names the schema.

pub(crate) mod api_keys;
pub(crate) mod grants;
