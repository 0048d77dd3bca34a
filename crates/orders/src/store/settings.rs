//! `orders.settings`: the settings of tenants, one row for each version.

use diesel::QueryableByName;
use diesel::sql_types::{Integer, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use serde_json::Value;

use crate::domain::tenant_settings::{TenantSettings, VersionedSettings};
use crate::store::unreadable;

/// The stored settings of a tenant, not parsed.
#[derive(QueryableByName)]
pub(crate) struct Stored {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Jsonb)]
    document: Value,
}

impl Stored {
    /// Parses them.
    pub(crate) fn parse(self) -> Result<VersionedSettings, DbError> {
        let settings = TenantSettings::stored(self.document).map_err(unreadable)?;
        Ok(VersionedSettings {
            version: self.version,
            settings,
        })
    }
}

/// Returns a statement that finds the newest settings of a tenant; `None` if it has set nothing.
pub(crate) fn find<'q>(tenant: TenantId) -> Statement<'q, Option<Stored>> {
    cached_sql(
        "SELECT version, document FROM orders.settings WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .rows::<Stored>()
    .map(|rows| rows.into_iter().next())
}

/// Returns a statement that finds the version of a tenant's newest settings; 0 if it has set nothing.
pub(crate) fn version<'q>(tenant: TenantId) -> Statement<'q, i32> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    cached_sql(
        "SELECT version FROM orders.settings WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .rows::<Newest>()
    .map(|rows| rows.into_iter().next().map_or(0, |newest| newest.version))
}

/// Inserts a version. `false` if it exists: another request was first.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    new: &VersionedSettings,
    actor: &str,
) -> Result<bool, DbError> {
    let document = serde_json::to_value(&new.settings).map_err(unreadable)?;
    let inserted = cached_sql(
        "INSERT INTO orders.settings (tenant_id, version, document, actor) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, version) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Integer, _>(new.version)
    .bind::<Jsonb, _>(document)
    .bind::<Text, _>(actor)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}
