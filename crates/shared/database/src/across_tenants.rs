//! Queries across all tenants.

use crate::{Connection, DbError, Engine};

/// A query across all tenants, in two texts with the same parameters and results.
///
/// The engine determines which one is used: `docs/decisions/distributed-engine.md`.
#[derive(Clone, Copy, Debug)]
pub struct AcrossTenants {
    /// Steps through an index from one tenant with rows to the next. Tenants without rows cost nothing.
    pub stepping: &'static str,
    /// Visits each registered tenant. On a distributed engine, each node visits its own tenants; the engine rejects
    /// statements that step from one node to another.
    pub visiting: &'static str,
}

impl AcrossTenants {
    /// Returns the text for the engine behind a connection.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn text_for(&self, connection: &mut Connection) -> Result<&'static str, DbError> {
        Ok(match Engine::of(connection).await? {
            Engine::Distributed => self.visiting,
            Engine::Plain => self.stepping,
        })
    }
}
