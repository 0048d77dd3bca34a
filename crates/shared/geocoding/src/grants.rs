//! What the role that serves may do with the tables of geocoding.

use oms_database::Grant;

/// The rights.
pub const GRANTS: &[Grant] = &[Grant::all("geocoding.cached_locations")];
