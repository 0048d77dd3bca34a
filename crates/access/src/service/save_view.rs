//! Saves filters under a name.

use oms_database::{DbError, boxed};
use uuid::Uuid;

use crate::context::SessionsContext;
use crate::domain::credential::Credential;
use crate::domain::view::{MAX_VIEWS, ViewId, ViewName, ViewQuery, free_slot};
use crate::error::ViewsError;
use crate::store::console_views::{self, BY_NAME, BY_SLOT, NewRow};

/// Saves a view in the name of an operator, for all operators of the tenant. Repeating it changes nothing.
///
/// # Errors
/// `NameTaken` if another view has the name; `TooMany` if the tenant has 30; or the database's error.
#[boxed]
pub async fn save_view(
    context: &SessionsContext,
    credential: &Credential,
    name: &ViewName,
    query: &ViewQuery,
) -> Result<(), ViewsError> {
    let (tenant, id) = (credential.tenant, ViewId(Uuid::now_v7()));
    let mut connection = context.database.acquire().await?;
    // Each time that somebody else was faster, one slot less is free, so this ends.
    for _ in 0..=MAX_VIEWS {
        let views = console_views::list(&mut connection, tenant).await?;
        if let Some(view) = views.iter().find(|view| view.name == name.as_str()) {
            return match view.query == query.as_str() {
                true => Ok(()),
                false => Err(ViewsError::NameTaken),
            };
        }
        let row = NewRow {
            id,
            slot: free_slot(&views).ok_or(ViewsError::TooMany)?,
            name,
            query,
            saved_by: credential.name.as_str(),
        };
        match console_views::insert(&mut connection, tenant, &row).await {
            // Somebody else saved one at the same time.
            Err(DbError::UniqueViolation { constraint })
                if [BY_NAME, BY_SLOT].contains(&constraint.as_str()) => {}
            saved => return Ok(saved?),
        }
    }
    Err(ViewsError::TooMany)
}
