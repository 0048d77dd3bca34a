//! The registry of tenants, `tenancy.tenants`.
//!
//! A tenant is registered before any of its rows is inserted. An INSERT can therefore select from the tenant's row, so
//! that a distributed database runs it on the tenant's node. Workers look for work only in registered tenants.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::engine::was_distributed;
use crate::{Connection, DbError, cached_sql};

/// Maximum number of tenants that a process remembers, about 4 MB. When it is reached, all are forgotten.
const MOST_REMEMBERED: usize = 100_000;

/// Registers a tenant if it is not registered yet. For a registered tenant, no write privilege is needed.
///
/// # Errors
/// If the database does not answer.
pub async fn register_tenant(connection: &mut Connection, tenant: Uuid) -> Result<(), DbError> {
    let found = cached_sql("SELECT 1 FROM tenancy.tenants WHERE tenant_id = $1")
        .bind::<SqlUuid, _>(tenant)
        .execute(connection)
        .await?;
    if found == 0 {
        cached_sql("INSERT INTO tenancy.tenants (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind::<SqlUuid, _>(tenant)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The tenants of a database that this process knows to be registered. Tenants are never unregistered.
#[derive(Debug, Default)]
pub struct Tenants {
    known: RwLock<HashSet<Uuid>>,
}

impl Tenants {
    /// Whether a tenant is known to be registered. Only looks in memory.
    pub fn knows(&self, tenant: Uuid) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.contains(&tenant)
    }

    /// Registers a tenant unless it is known, and remembers it. Don't call it inside a transaction, which may be rolled
    /// back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn register(&self, connection: &mut Connection, tenant: Uuid) -> Result<(), DbError> {
        if !self.knows(tenant) {
            register_tenant(connection, tenant).await?;
            self.remember(tenant);
        }
        Ok(())
    }

    /// The tenants to visit while a query across all tenants fails because a node of a distributed database is down:
    /// those that this process has served. Empty for a single server, which has no work for any tenant while it is
    /// down.
    pub fn meanwhile(&self) -> Vec<Uuid> {
        if !was_distributed() {
            return Vec::new();
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().copied().collect()
    }

    fn remember(&self, tenant: Uuid) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_remembers_a_bounded_number_of_tenants() {
        let tenants = Tenants::default();
        for number in 0..=MOST_REMEMBERED as u128 {
            tenants.remember(Uuid::from_u128(number));
        }
        let last = Uuid::from_u128(MOST_REMEMBERED as u128);
        assert!(tenants.knows(last));
        assert!(!tenants.knows(Uuid::nil()));
        assert_eq!(tenants.known.read().unwrap().len(), 1);
    }
}
