//! `GET /console/events`: the feed of events, as clients and webhooks receive it.

use actix_web::web;
use askama::Template;
use oms_events::{Event, EventsError, FeedFilter, FeedPosition, FeedStart, list_events};
use oms_validation::Cursor;
use serde::Deserialize;

use super::Console;
use super::frame::{Frame, Section, View};
use super::listing::{address, read};
use super::operator::Operator;
use super::page::{Answer, page};

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

/// What the page is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// `earliest`, the cursor of an earlier page, or blank for the end of the feed.
    #[serde(default)]
    after: String,
}

/// `GET /console/events`.
pub(super) async fn list(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    wanted: web::Query<Wanted>,
) -> Answer {
    let tenant = operator.tenant();
    let after = wanted.after.trim();
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
    let reading = console.events.run(|context| async move {
        let filter = FeedFilter::default();
        let start = match start {
            FeedStart::Latest => {
                // The last events before the end of the feed, which has positions without events.
                let end = list_events(&context, tenant, start, &filter, EVENTS).await?;
                FeedStart::After(FeedPosition(end.cursor.0.saturating_sub(25).max(0)))
            }
            start => start,
        };
        match list_events(&context, tenant, start, &filter, EVENTS).await {
            Err(EventsError::CursorExpired) => {
                let start = FeedStart::Earliest;
                let found = list_events(&context, tenant, start, &filter, EVENTS).await?;
                Ok::<_, EventsError>((found, true))
            }
            found => Ok((found?, false)),
        }
    });
    let (mut found, is_cut) = reading.await?;
    if start == FeedStart::Latest {
        found.items.reverse();
    }
    let next = Cursor(found.cursor).to_string();
    page(&Events {
        frame: view.frame(Section::Events, "Events"),
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
