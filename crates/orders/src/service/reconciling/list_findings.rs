//! Listing the differences between the gateway's books and ours.

use oms_validation::{Page, PageSize, TenantId};

use crate::context::OrderContext;
use crate::domain::cursor::Cursor;
use crate::domain::finding::{Finding, FindingFilter};
use crate::error::OrderError;
use crate::store::findings;

/// A page of findings, newest first.
///
/// # Errors
/// When the database can't be asked.
pub async fn list_findings(
    context: &OrderContext,
    tenant: TenantId,
    filter: FindingFilter,
    after: Option<Cursor>,
    size: PageSize,
) -> Result<Page<Finding, Cursor>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // One more, to know whether there is a next page.
    let limit = size.get() + 1;
    let found = findings::list(&mut connection, tenant, filter, after, limit).await?;
    Ok(Page::of(found, size, |last| Cursor {
        created_at: last.found_at,
        id: last.id.as_uuid(),
    }))
}
