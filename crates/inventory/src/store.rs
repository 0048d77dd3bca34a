//! The SQL of inventory. Nothing outside this module names the schema.

pub(crate) mod candidates;
pub(crate) mod products;
pub(crate) mod reservations;
pub(crate) mod stock_levels;
pub(crate) mod warehouses;

use oms_validation::Location;
use postgis_diesel::types::Point;

/// A place as PostGIS takes it: longitude first.
fn point(location: Location) -> Point {
    Point {
        x: location.lng(),
        y: location.lat(),
        srid: Some(4326),
    }
}
