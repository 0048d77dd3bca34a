//! The SQL of inventory. Nothing outside this module names the schema.

pub(crate) mod candidates;
pub(crate) mod grants;
pub(crate) mod idempotency_keys;
pub(crate) mod imports;
pub(crate) mod level_counts;
pub(crate) mod product_imports;
pub(crate) mod product_records;
pub(crate) mod products;
pub(crate) mod reservations;
pub(crate) mod stock_levels;
pub(crate) mod stock_movements;
pub(crate) mod warehouses;

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use oms_database::DbError;
use oms_validation::Location;
use postgis_diesel::types::Point;
use uuid::Uuid;

/// A row that is an id.
#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// A place as PostGIS takes it: longitude first.
fn point(location: Location) -> Point {
    Point {
        x: location.lng(),
        y: location.lat(),
        srid: Some(4326),
    }
}

/// A limit, as PostgreSQL takes it.
fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A row that our own CHECK constraints should not have let in.
fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
    DbError::Other(diesel::result::Error::DeserializationError(error.into()))
}
