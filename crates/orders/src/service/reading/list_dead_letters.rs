//! Listing the orders that wait, or waited, for a person.

use oms_validation::{Page, PageSize, TenantId};

use crate::context::OrderContext;
use crate::domain::cursor::Cursor;
use crate::domain::dead_letter::{DeadLetter, DeadLetterFilter};
use crate::error::OrderError;
use crate::store::dead_letters;

/// A page of dead letters, newest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn list_dead_letters(
    context: &OrderContext,
    tenant: TenantId,
    filter: DeadLetterFilter,
    after: Option<Cursor>,
    size: PageSize,
) -> Result<Page<DeadLetter, Cursor>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // One more, to know whether there is a next page.
    let limit = size.get() + 1;
    let found = dead_letters::list(&mut connection, tenant, filter, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor {
        created_at: last.created_at,
        id: last.id.as_uuid(),
    }))
}
