//! Lists dead letters.

use chrono::{DateTime, Utc};
use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::OrderContext;
use crate::domain::dead_letter::{DeadLetter, DeadLetterFilter};
use crate::domain::id::DeadLetterId;
use crate::error::OrderError;
use crate::store::dead_letters;

/// A page of dead letters, newest first.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn list_dead_letters(
    context: &OrderContext,
    tenant: TenantId,
    filter: DeadLetterFilter,
    after: Option<Cursor<(DateTime<Utc>, DeadLetterId)>>,
    size: PageSize,
) -> Result<Page<DeadLetter, Cursor<(DateTime<Utc>, DeadLetterId)>>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // One more than the page, to know whether there is a next page.
    let limit = size.get() + 1;
    let found = dead_letters::list(&mut connection, tenant, filter, after, limit).await?;
    Ok(Page::of(found, size, |last| {
        Cursor((last.created_at, last.id))
    }))
}
