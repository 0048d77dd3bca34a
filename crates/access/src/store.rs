//! The SQL of access. No other module names its schema.

pub(crate) mod api_keys;
pub(crate) mod console_views;
pub(crate) mod grants;
pub(crate) mod sessions;
pub(crate) mod sign_in_links;
