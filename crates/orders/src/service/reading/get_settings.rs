//! Reads the settings of a tenant.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::tenant_settings::{TenantSettings, VersionedSettings};
use crate::error::OrderError;
use crate::store::settings;

/// The settings of a tenant.
///
/// # Errors
/// If the database can't be reached.
pub(crate) async fn get_settings(
    context: &OrderContext,
    tenant: TenantId,
) -> Result<VersionedSettings, OrderError> {
    let mut connection = context.database.acquire().await?;
    find(context, &mut connection, tenant).await
}

/// The settings of a tenant, read with this connection.
pub(crate) async fn find(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
) -> Result<VersionedSettings, OrderError> {
    let stored = settings::find(tenant).run(connection).await?;
    let stored = stored.map(settings::Stored::parse).transpose()?;
    Ok(in_force(context, stored))
}

/// The stored settings, or those of a tenant that has set nothing.
pub(crate) fn in_force(
    context: &OrderContext,
    stored: Option<VersionedSettings>,
) -> VersionedSettings {
    stored.unwrap_or_else(|| VersionedSettings {
        version: 0,
        settings: TenantSettings::default_in(context.settings.currency),
    })
}
