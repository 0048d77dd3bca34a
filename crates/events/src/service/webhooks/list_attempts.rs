//! Lists the tries of an endpoint.

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::{Attempt, AttemptCursor, AttemptOutcome};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::WebhooksError;
use crate::store::webhooks::{attempts, endpoints};

/// Number of tries that are read together.
const TOGETHER: usize = 500;
/// Maximum number of tries that one request looks at to find those with an outcome.
const MAX_LOOKED_AT: usize = 5000;

/// A page of the tries of an endpoint, newest first: of an event and with an outcome, if these are given. A page looks
/// at a bounded number of tries, so it may have fewer entries than requested and still name a next page.
///
/// # Errors
/// `EndpointNotFound`, or the database's error.
#[boxed]
pub async fn list_attempts(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    event: Option<EventKey>,
    outcome: Option<AttemptOutcome>,
    mut after: Option<AttemptCursor>,
    size: PageSize,
) -> Result<Page<Attempt, AttemptCursor>, WebhooksError> {
    let connection = &mut *context.database.acquire().await?;
    let endpoint = endpoints::find(connection, tenant, id).await?;
    endpoint.ok_or(WebhooksError::EndpointNotFound)?;
    let event = event.map(|key| key.to_string());
    let event = event.as_deref();
    let mut found: Vec<Attempt> = Vec::new();
    let mut looked_at = 0;
    loop {
        let read = attempts::list(connection, tenant, id, event, after, TOGETHER).await?;
        let is_last = read.len() < TOGETHER;
        looked_at += read.len();
        after = read.last().map(|it| Cursor(it.id)).or(after);
        let wanted = |it: &Attempt| outcome.is_none_or(|outcome| it.outcome == outcome);
        found.extend(read.into_iter().filter(wanted));
        if found.len() > size.get() || is_last {
            return Ok(Page::of(found, size, |last| Cursor(last.id)));
        }
        if looked_at >= MAX_LOOKED_AT {
            let mut page = Page::of(found, size, |last| Cursor(last.id));
            page.next = after;
            return Ok(page);
        }
    }
}
