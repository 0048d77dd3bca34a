//! Lists findings: the differences between the gateway's books and ours.

use chrono::{DateTime, Utc};
use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::OrderContext;
use crate::domain::finding::{Finding, FindingFilter};
use crate::domain::id::FindingId;
use crate::error::OrderError;
use crate::store::findings;

/// A page of findings, newest first.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn list_findings(
    context: &OrderContext,
    tenant: TenantId,
    filter: FindingFilter,
    after: Option<Cursor<(DateTime<Utc>, FindingId)>>,
    size: PageSize,
) -> Result<Page<Finding, Cursor<(DateTime<Utc>, FindingId)>>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // One more than the page, to know whether there is a next page.
    let limit = size.get() + 1;
    let found = findings::list(&mut connection, tenant, filter, after, limit).await?;
    Ok(Page::of(found, size, |last| {
        Cursor((last.found_at, last.id))
    }))
}
