//! What the role that serves may do with the tables of access. Keys are made by the owner.

use oms_database::Grant;

/// The rights.
pub const GRANTS: &[Grant] = &[Grant::read("access.api_keys").updating(&["last_used_at"])];
