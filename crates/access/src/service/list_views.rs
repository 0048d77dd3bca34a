//! Lists the views of a tenant.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::SessionsContext;
use crate::domain::view::SavedView;
use crate::error::ViewsError;
use crate::store::console_views;

/// Returns the views of a tenant, by name: 30 at most.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn list_views(
    context: &SessionsContext,
    tenant: TenantId,
) -> Result<Vec<SavedView>, ViewsError> {
    let mut connection = context.database.acquire().await?;
    Ok(console_views::list(&mut connection, tenant).await?)
}
