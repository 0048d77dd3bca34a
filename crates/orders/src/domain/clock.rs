//! The clock of orders.

use chrono::{DateTime, Utc};

/// The current time for everything that orders store or compare: when an order was placed, when its events happened,
/// when the sweeper checks the order, and how long leases last.
///
/// Production uses [`DatabaseClock`]: the clocks of several machines may disagree, but they share one database. Tests
/// use another implementation to set the time.
pub trait Clock: Send + Sync {
    /// The time that statements use as the present. `None` means the database's own `now()`, the start of the
    /// transaction.
    fn now(&self) -> Option<DateTime<Utc>>;
}

/// The database's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatabaseClock;

impl Clock for DatabaseClock {
    fn now(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// A clock's time, as a parameter of statements: `greatest($n, now())`, which is the database's time if `$n` is NULL. A
/// distributed engine accepts this in every statement, unlike `coalesce`: `docs/decisions/distributed-engine.md`.
pub(crate) type Now = Option<DateTime<Utc>>;
