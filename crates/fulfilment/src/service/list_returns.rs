//! Lists returns.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::FulfilmentContext;
use crate::domain::returns::Return;
use crate::domain::returns::list::{ReturnCursor, ReturnFilter};
use crate::error::FulfilmentError;
use crate::store::returns;

/// Returns a page of returns, the oldest first. A page may be short, or empty, and still have a next one.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn list_returns(
    context: &FulfilmentContext,
    tenant: TenantId,
    filter: &ReturnFilter,
    after: Option<ReturnCursor>,
    size: PageSize,
) -> Result<Page<Return, ReturnCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let found = returns::list(&mut connection, tenant, filter, after, size.get() + 1).await?;
    let page = Page::of(found.returns, size, |last| Cursor(last.id));
    Ok(page.or_continued_at(found.looked_until))
}
