//! Reads the feed.

use oms_database::{Connection, boxed};
use oms_validation::TenantId;

use crate::context::EventsContext;
use crate::domain::feed::{Feed, FeedFilter, FeedPage, FeedPosition, FeedStart};
use crate::domain::key::EventKey;
use crate::error::EventsError;
use crate::service::load_events::load_events;
use crate::store::segments;

/// Maximum number of events that one request looks at to find those that its filter selects.
const MAX_LOOKED_AT: usize = 2000;
/// Maximum number of events that are rendered together.
const MAX_TOGETHER: usize = 500;

/// Returns up to `limit` events. The cursor is after everything that was looked at, so an answer without events may
/// have another cursor than the request.
///
/// # Errors
/// `CursorExpired` if events after the cursor were deleted, or the database's error.
#[boxed]
pub async fn list_events(
    context: &EventsContext,
    tenant: TenantId,
    start: FeedStart,
    filter: &FeedFilter,
    limit: usize,
) -> Result<FeedPage, EventsError> {
    let connection = &mut *context.database.acquire().await?;
    let mut page = match start {
        FeedStart::After(position) => empty(position.0),
        FeedStart::Earliest | FeedStart::Latest => {
            let feed = segments::read(connection, tenant, None, 0).await?;
            match start {
                FeedStart::Latest => return Ok(empty(feed.position)),
                _ => empty(feed.purged_to),
            }
        }
    };
    let mut looked_at = 0;
    loop {
        let wanted = (limit - page.items.len()).clamp(1, MAX_TOGETHER);
        let feed = segments::read(connection, tenant, Some(page.cursor.0), wanted).await?;
        looked_at += add(context, connection, tenant, filter, limit, &feed, &mut page).await?;
        if !page.has_more || page.items.len() >= limit || looked_at >= MAX_LOOKED_AT {
            return Ok(page);
        }
    }
}

const fn empty(position: i64) -> FeedPage {
    FeedPage {
        items: Vec::new(),
        cursor: FeedPosition(position),
        has_more: false,
    }
}

/// Adds the selected events after the page's cursor, and returns how many were looked at.
async fn add(
    context: &EventsContext,
    connection: &mut Connection,
    tenant: TenantId,
    filter: &FeedFilter,
    limit: usize,
    feed: &Feed,
    page: &mut FeedPage,
) -> Result<usize, EventsError> {
    let after = page.cursor.0;
    // A restored database may have lost positions that a client has seen. The next one will be higher.
    if after < feed.purged_to {
        return Err(EventsError::CursorExpired);
    }
    let (chunk, is_whole) = feed.after(after, MAX_TOGETHER);
    let selected = chunk.iter().map(|(_, key)| *key);
    let selected: Vec<EventKey> = selected.filter(|key| filter.may_select(*key)).collect();
    let mut loaded = load_events(context, connection, tenant, &selected).await?;
    for (place, (position, key)) in chunk.iter().enumerate() {
        if page.items.len() >= limit {
            page.has_more = true;
            return Ok(place);
        }
        page.cursor = FeedPosition(*position);
        page.items
            .extend(loaded.remove(key).filter(|event| filter.selects(event)));
    }
    // Everything in the snapshot was looked at, so the end of the feed may be beyond the last event.
    let last = feed.segments.last().map_or(after, |it| it.last_position);
    page.has_more = !is_whole || last < feed.position && !feed.segments.is_empty();
    if !page.has_more {
        page.cursor = FeedPosition(feed.position.max(page.cursor.0));
    }
    Ok(chunk.len())
}
