//! Renames a view.

use oms_database::{DbError, boxed};
use oms_validation::TenantId;

use crate::context::SessionsContext;
use crate::domain::view::{SavedView, ViewId, ViewName};
use crate::error::ViewsError;
use crate::store::console_views::{self, BY_NAME};

/// Renames a view of the version that the operator saw, and returns it. A view that has the name already keeps it.
///
/// # Errors
/// `NotFound`; `Changed` if somebody else has renamed it; `NameTaken` if another view has the name; or the database's
/// error.
#[boxed]
pub async fn rename_view(
    context: &SessionsContext,
    tenant: TenantId,
    id: ViewId,
    version: i32,
    name: &ViewName,
) -> Result<SavedView, ViewsError> {
    let mut connection = context.database.acquire().await?;
    let renamed = console_views::rename(&mut connection, tenant, id, version, name).await;
    match renamed {
        Err(DbError::UniqueViolation { constraint }) if constraint == BY_NAME => {
            return Err(ViewsError::NameTaken);
        }
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let views = console_views::list(&mut connection, tenant).await?;
    let view = views.into_iter().find(|view| view.id == id);
    let view = view.ok_or(ViewsError::NotFound)?;
    match view.name == name.as_str() {
        true => Ok(view),
        false => Err(ViewsError::Changed),
    }
}
