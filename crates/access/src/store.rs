//! The SQL of access. No other module names its schema.

pub(crate) mod api_keys;
pub(crate) mod grants;
