//! `GET /console/events`: the feed of events, as clients and webhooks receive it.

use askama::Template;
use oms_events::{Event, EventsError, FeedFilter, FeedPosition, FeedStart, list_events};
use oms_validation::Cursor;

use super::frame::{Frame, Section};
use super::listing::{address, read};
use super::page::{Answer, page};
use super::page_request::PageRequest;

/// The events of a page.
const EVENTS: usize = 25;

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    frame: Frame,
    is_latest: bool,
    /// Whether the events after the cursor were deleted, so that the list is that from the beginning.
    is_cut: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    event_type: String,
    subject: String,
    subject_id: String,
    json: String,
}

/// `GET /console/events`: after `earliest`, after the cursor of an earlier page, or at the end of the feed.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let (events, tenant) = (&request.console.events, request.tenant()?);
    let after = request.query().value("after");
    let start = match after {
        "" => FeedStart::Latest,
        "earliest" => FeedStart::Earliest,
        cursor => {
            let cursor: Option<Cursor<FeedPosition>> =
                read("after", cursor, |text| text.parse().ok())?;
            cursor.map_or(FeedStart::Latest, |Cursor(position)| {
                FeedStart::After(position)
            })
        }
    };
    let filter = FeedFilter::default();
    let from = match start {
        FeedStart::Latest => {
            // The last events before the end of the feed, which has positions without events.
            let end = list_events(events, tenant, start, &filter, EVENTS).await?;
            FeedStart::After(FeedPosition(end.cursor.0.saturating_sub(25).max(0)))
        }
        start => start,
    };
    let (mut found, is_cut) = match list_events(events, tenant, from, &filter, EVENTS).await {
        Err(EventsError::CursorExpired) => {
            let from = FeedStart::Earliest;
            let found = list_events(events, tenant, from, &filter, EVENTS).await?;
            (found, true)
        }
        found => (found?, false),
    };
    if start == FeedStart::Latest {
        found.items.reverse();
    }
    let next = Cursor(found.cursor).to_string();
    page(&Events {
        frame: request.frame(Section::Events, "Events"),
        is_latest: start == FeedStart::Latest,
        is_cut: is_cut && start != FeedStart::Latest,
        rows: found.items.iter().map(Row::of).collect(),
        next: found
            .has_more
            .then(|| address("/console/events", &[("after", &next)])),
    })
}

impl Row {
    fn of(event: &Event) -> Self {
        let subject = event.subject();
        Self {
            id: event.key().to_string(),
            event_type: event.event_type().to_owned(),
            subject: subject.kind.to_string(),
            subject_id: subject.id.to_string(),
            json: serde_json::to_string_pretty(event).unwrap_or_default(),
        }
    }
}
