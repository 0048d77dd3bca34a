//! Reads the feed, and waits if there is nothing to read.

use std::pin::pin;
use std::time::Duration;

use oms_validation::TenantId;
use tokio::time::{Instant, sleep_until};

use crate::context::EventsContext;
use crate::domain::feed::{FeedPage, FeedStart};
use crate::error::EventsError;

/// Reads the feed until there are events, for at most `wait`. Holds no connection while it waits. Waiting ends early
/// when the program stops.
///
/// # Errors
/// Those of `read`; `TooManyWaiting` if there is nothing to read yet and too many requests wait already.
pub(crate) async fn wait_for_events<E: From<EventsError>>(
    context: &EventsContext,
    tenant: TenantId,
    start: FeedStart,
    wait: Duration,
    read: impl AsyncFn(FeedStart) -> Result<FeedPage, E>,
) -> Result<FeedPage, E> {
    let page = read(start).await?;
    if wait.is_zero() || !page.items.is_empty() {
        return Ok(page);
    }
    let deadline = Instant::now() + wait;
    let waiter = context.waiting.enter(tenant.as_uuid());
    let waiter = waiter.ok_or(EventsError::TooManyWaiting)?;
    let mut cursor = page.cursor;
    loop {
        let mut published = pin!(waiter.published().notified());
        // From here on nothing is missed, although the feed is read before the wait.
        published.as_mut().enable();
        let page = read(FeedStart::After(cursor)).await?;
        let is_over = Instant::now() >= deadline || context.stopping.is_cancelled();
        if !page.items.is_empty() || is_over {
            return Ok(page);
        }
        cursor = page.cursor;
        if page.has_more {
            continue;
        }
        tokio::select! {
            () = published => {}
            () = sleep_until(deadline) => {}
            () = context.stopping.cancelled() => {}
        }
    }
}
