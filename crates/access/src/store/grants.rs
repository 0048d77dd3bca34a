//! The privileges of the serving role on the tables of access. The database's owner creates keys.

use oms_database::Grant;

/// The privileges of the serving role.
pub const GRANTS: &[Grant] = &[
    Grant::read("access.api_keys").updating(&["last_used_at"]),
    Grant::all("access.console_views"),
    Grant::all("access.sessions"),
    Grant::all("access.sign_in_links"),
];
