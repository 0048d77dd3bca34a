//! The tables of webhooks.

pub(crate) mod attempts;
pub(crate) mod clock;
pub(crate) mod deliveries;
pub(crate) mod endpoints;
pub(crate) mod idempotency_keys;
pub(crate) mod leases;
pub(crate) mod measuring;
pub(crate) mod replays;
pub(crate) mod secrets;

use chrono::{DateTime, Utc};
use diesel::result::Error as DieselError;
use oms_database::DbError;

/// A time for statements to use as the present: `greatest($n, now())`. `None` stands for the database's own time.
pub(crate) type Now = Option<DateTime<Utc>>;

/// The error for a row that our own CHECK constraints should have prevented.
fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
    DbError::Other(DieselError::DeserializationError(error.into()))
}
