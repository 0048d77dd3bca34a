//! Sets the settings of a tenant.

use oms_validation::{ExpectedVersion, TenantId};

use crate::context::OrderContext;
use crate::domain::tenant_settings::{TenantSettings, VersionedSettings};
use crate::error::SettingsError;
use crate::service::reading::get_settings;
use crate::store::settings;

/// Sets the settings of a tenant in the name of `actor`, if they have the expected version. Settings that are already
/// in force keep their version. Orders that begin after this returns follow the new settings, on every instance.
///
/// # Errors
/// `Changed` if they have another version; otherwise if the database can't be reached.
pub(crate) async fn set_settings(
    context: &OrderContext,
    tenant: TenantId,
    expected: &ExpectedVersion,
    new: TenantSettings,
    actor: &str,
) -> Result<VersionedSettings, SettingsError> {
    let mut connection = context.database.acquire().await?;
    let current = get_settings::find(context, &mut connection, tenant).await?;
    if !expected.allows(current.version) {
        return Err(SettingsError::Changed {
            version: current.version,
        });
    }
    if current.settings == new {
        return Ok(current);
    }
    let new = VersionedSettings {
        version: current.version + 1,
        settings: new,
    };
    match settings::insert(&mut connection, tenant, &new, actor).await? {
        true => Ok(new),
        // Another request was first.
        false => Err(SettingsError::Changed {
            version: new.version,
        }),
    }
}
