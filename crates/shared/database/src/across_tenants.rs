//! Queries across all tenants.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::{Connection, DbError, cached_sql};

/// A query across all tenants, in two texts with the same parameters and results.
///
/// The server determines which one is used: `docs/decisions/distributed-engine.md`.
#[derive(Clone, Copy, Debug)]
pub struct AcrossTenants {
    /// Steps through an index from one tenant with rows to the next. Tenants without rows cost nothing.
    pub stepping: &'static str,
    /// Visits each registered tenant. On a distributed engine, each node visits its own tenants; the engine rejects
    /// statements that step from one node to another.
    pub visiting: &'static str,
}

impl AcrossTenants {
    /// Returns the text for the server of a connection.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn text_for(&self, connection: &mut Connection) -> Result<&'static str, DbError> {
        Ok(match is_distributed(connection).await? {
            true => self.visiting,
            false => self.stepping,
        })
    }
}

/// Whether the database uses Citus.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn is_distributed(connection: &mut Connection) -> Result<bool, DbError> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        is_distributed: bool,
    }

    let statement = cached_sql(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS is_distributed",
    );
    let answer: Answer = statement.get_result(connection).await?;
    if answer.is_distributed {
        WAS_DISTRIBUTED.store(true, Ordering::Relaxed);
    }
    Ok(answer.is_distributed)
}

/// Set once [`is_distributed`] has found a database that uses Citus.
static WAS_DISTRIBUTED: AtomicBool = AtomicBool::new(false);

/// Whether a database of this process was ever found to use Citus. Needs no answer from the database.
pub(crate) fn was_distributed() -> bool {
    // Not called as a method, because diesel's traits have a `load` too.
    AtomicBool::load(&WAS_DISTRIBUTED, Ordering::Relaxed)
}
