//! The privileges of the serving role on the tables of geocoding.

use oms_database::Grant;

/// The privileges of the serving role.
pub const GRANTS: &[Grant] = &[Grant::all("geocoding.cached_locations")];
