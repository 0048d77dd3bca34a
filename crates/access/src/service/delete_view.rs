//! Deletes a view.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::SessionsContext;
use crate::domain::view::ViewId;
use crate::error::ViewsError;
use crate::store::console_views;

/// Deletes a view.
///
/// # Errors
/// `NotFound` if the tenant has no such view, or the database's error.
#[boxed]
pub async fn delete_view(
    context: &SessionsContext,
    tenant: TenantId,
    id: ViewId,
) -> Result<(), ViewsError> {
    let mut connection = context.database.acquire().await?;
    match console_views::delete(&mut connection, tenant, id).await? {
        true => Ok(()),
        false => Err(ViewsError::NotFound),
    }
}
