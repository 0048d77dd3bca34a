//! The SQL of inventory. No other module names its schema.

pub(crate) mod candidates;
pub(crate) mod evacuated_warehouses;
pub(crate) mod grants;
pub(crate) mod idempotency_keys;
pub(crate) mod imports;
pub(crate) mod level_counts;
pub(crate) mod list_prices;
pub(crate) mod price_lists;
pub(crate) mod product_imports;
pub(crate) mod product_records;
pub(crate) mod products;
pub(crate) mod quotes;
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

/// A row that consists of an ID.
#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// A location in PostGIS's order: longitude first.
fn point(location: Location) -> Point {
    Point {
        x: location.lng(),
        y: location.lat(),
        srid: Some(4326),
    }
}

/// A row limit as PostgreSQL's `bigint`.
fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The error for a row that our own CHECK constraints should have prevented.
fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
    DbError::Other(diesel::result::Error::DeserializationError(error.into()))
}
