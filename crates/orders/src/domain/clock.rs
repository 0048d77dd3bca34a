//! Where the times of orders come from.

use chrono::{DateTime, Utc};

/// What time it is, for everything that orders store or compare: when an order was placed and its events happened, when
/// the sweeper shall look and how long its leases last.
///
/// [`DatabaseClock`] is the one for production: the clocks of the machines that run us need not agree, and the database
/// has one. Another implementation lets a test say what time it is.
pub trait Clock: Send + Sync {
    /// The time that statements take for now. `None` is the database's own `now()`, the start of the transaction.
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

/// A clock's answer, as statements take it: `greatest($n, now())`, which is the database's time for NULL. Every engine takes it in every
/// statement, unlike `coalesce`: docs/decisions/distributed-engine.md.
pub(crate) type Now = Option<DateTime<Utc>>;
