//! What the use cases of sessions need.

use std::num::NonZeroU32;

use oms_database::Database;

use crate::domain::api_key::KeyMode;
use crate::domain::rate_limit::{RateLimit, RateLimits};

/// Attempts to sign in, per minute and address.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(5).expect("5 is not 0");

/// Maximum number of addresses whose attempts are counted: about 400 kB.
const MOST_ADDRESSES: usize = 10_000;

/// The context of sessions.
pub struct SessionsContext {
    pub(crate) database: Database,
    pub(crate) mode: KeyMode,
    pub(crate) attempts: RateLimits,
}

impl SessionsContext {
    /// Creates the context. Keys of the other mode can't sign in.
    pub fn new(database: Database, mode: KeyMode) -> Self {
        let limit = RateLimit {
            per_minute: ATTEMPTS,
            burst: ATTEMPTS,
        };
        Self {
            database,
            mode,
            attempts: RateLimits::new(limit, MOST_ADDRESSES),
        }
    }
}
