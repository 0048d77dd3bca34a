//! Questions about all tenants.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::{Connection, DbError, cached_sql};

/// A question about all tenants in two texts, with the same parameters and the same answer.
///
/// Which is better depends on the server: `docs/decisions/distributed-engine.md`.
#[derive(Clone, Copy, Debug)]
pub struct AcrossTenants {
    /// Steps through an index from one tenant with rows to the next. Tenants without rows cost nothing.
    pub stepping: &'static str,
    /// Visits each registered tenant. A distributed engine has each of its nodes do so with its own tenants, and takes no
    /// statement that steps from one node to another.
    pub visiting: &'static str,
}

impl AcrossTenants {
    /// The text for the server of a connection.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn text_for(&self, connection: &mut Connection) -> Result<&'static str, DbError> {
        Ok(match is_distributed(connection).await? {
            true => self.visiting,
            false => self.stepping,
        })
    }
}

/// Whether the database is one of Citus.
///
/// # Errors
/// When the database does not answer.
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

/// Whether a database of this process was one of Citus when it was asked last.
static WAS_DISTRIBUTED: AtomicBool = AtomicBool::new(false);

/// The same, without asking: for when it does not answer.
pub(crate) fn was_distributed() -> bool {
    // Not as a method: diesel has one of that name.
    AtomicBool::load(&WAS_DISTRIBUTED, Ordering::Relaxed)
}
