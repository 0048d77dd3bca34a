//! `GET /console/webhooks/{id}`: an endpoint, what it has not received, and what it answered.

use actix_web::http::StatusCode;
use askama::Template;
use oms_errors::Problem;
use oms_events::{
    Attempt, AttemptOutcome, Delivery, DeliveryState, EndpointId, EndpointStatus, WebhooksError,
    get_endpoint, list_attempts, list_deliveries,
};
use oms_validation::Scope;

use super::Row;
use crate::display;
use crate::http::frame::{Frame, Section};
use crate::http::listing::{address, explained, few, page_size};
use crate::http::notice::Notice;
use crate::http::page::{Answer, page_with, see};
use crate::http::page_request::PageRequest;
use crate::words;

#[derive(Template)]
#[template(path = "webhook.html")]
struct EndpointPage {
    frame: Frame,
    notice: Option<Notice>,
    /// A secret that was just made, which is shown once.
    secret: Option<String>,
    it: Row,
    version: i32,
    ordering: &'static str,
    signing: &'static str,
    in_flight: i32,
    position: i64,
    public_keys: Vec<String>,
    created: String,
    changed: String,
    is_enabled: bool,
    may_write: bool,
    deliveries: Vec<DeliveryRow>,
    more_deliveries: Option<String>,
    attempts: Vec<AttemptRow>,
    more_attempts: Option<String>,
}

struct DeliveryRow {
    event: String,
    event_type: String,
    state: &'static str,
    tone: &'static str,
    tries: i32,
    last: String,
    next: String,
}

struct AttemptRow {
    event: String,
    event_type: String,
    trigger: &'static str,
    started: String,
    took: String,
    outcome: String,
    tone: &'static str,
    answer: String,
}

/// What stands above the page.
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) notice: Option<Notice>,
    pub(super) secret: Option<String>,
}

/// `GET /console/webhooks/{id}`.
pub(in crate::http) async fn show(request: Box<PageRequest>) -> Answer {
    let said = Said {
        status: StatusCode::OK,
        notice: request.query().text("done").and_then(done),
        secret: None,
    };
    answer(&request, id_of(request.id())?, said).await
}

fn done(word: &str) -> Option<Notice> {
    let title = match word {
        "pause" => "The endpoint was paused. It keeps its place.",
        "enable" => "Events are sent again, from where it stopped.",
        word => return Notice::of_resolved_delivery(word),
    };
    Some(Notice::done(title))
}

/// Leads back to an endpoint after an action, or shows there why it was refused.
pub(super) async fn leave(
    done: Result<&'static str, Problem>,
    request: &PageRequest,
    id: EndpointId,
) -> Answer {
    match done {
        Ok(word) => see(&format!("/console/webhooks/{id}?done={word}")),
        Err(problem) => {
            request.operator()?.require(Scope::WebhooksRead)?;
            let (status, problem) = explained(problem)?;
            let said = Said {
                status,
                notice: Some(Notice::of_problem(&problem)),
                secret: None,
            };
            answer(request, id, said).await
        }
    }
}

/// Reads the ID in a path. A malformed one is treated as unknown.
pub(super) fn id_of(path: &str) -> Result<EndpointId, Problem> {
    path.parse()
        .map_err(|_| WebhooksError::EndpointNotFound.into())
}

pub(super) async fn answer(request: &PageRequest, id: EndpointId, said: Said) -> Answer {
    let (webhooks, tenant) = (&request.console.webhooks, request.tenant()?);
    let query = request.query();
    let after = query.parsed("deliveries", |text| text.parse().ok())?;
    let before = query.parsed("attempts", |text| text.parse().ok())?;
    let (endpoint, public_keys) = get_endpoint(webhooks, tenant, id).await?;
    let (deliveries, events) =
        list_deliveries(webhooks, tenant, id, None, after, page_size()).await?;
    let attempts = list_attempts(webhooks, tenant, id, None, None, before, few()).await?;
    let it = Row::of(&endpoint);
    let here = format!("/console/webhooks/{id}");
    let rows = deliveries.items.iter().map(|delivery| {
        let event = events.get(&delivery.key);
        DeliveryRow::of(delivery, event.map_or("", |event| event.event_type()))
    });
    let page = EndpointPage {
        frame: request.frame(Section::Webhooks, it.url.clone()),
        notice: said.notice,
        secret: said.secret,
        version: endpoint.version,
        ordering: words::ordering(endpoint.ordering),
        signing: words::signing(endpoint.signing),
        in_flight: endpoint.max_in_flight,
        position: endpoint.position,
        public_keys,
        created: display::time(endpoint.created_at),
        changed: display::time(endpoint.updated_at),
        is_enabled: endpoint.status == EndpointStatus::Enabled,
        may_write: request.operator()?.may(Scope::WebhooksWrite),
        deliveries: rows.collect(),
        more_deliveries: deliveries
            .next
            .map(|after| address(&here, &[("deliveries", &after.to_string())])),
        attempts: attempts.items.iter().map(AttemptRow::of).collect(),
        more_attempts: attempts
            .next
            .map(|after| address(&here, &[("attempts", &after.to_string())])),
        it,
    };
    page_with(said.status, &page)
}

impl DeliveryRow {
    fn of(delivery: &Delivery, event_type: &str) -> Self {
        let is_due = delivery.state == DeliveryState::Retrying;
        let (state, tone) = words::delivery(delivery.state);
        let last = delivery.last_outcome;
        let last = last.map(|outcome| words::outcome(outcome, delivery.last_status));
        Self {
            event: delivery.key.to_string(),
            event_type: event_type.to_owned(),
            state,
            tone,
            tries: delivery.tries,
            last: last.unwrap_or_default(),
            next: match display::now() {
                _ if !is_due => "–".to_owned(),
                now if delivery.due_at > now => display::ago(delivery.due_at, now),
                _ => "now".to_owned(),
            },
        }
    }
}

impl AttemptRow {
    pub(super) fn of(attempt: &Attempt) -> Self {
        Self {
            event: attempt.event_id.clone(),
            event_type: attempt.event_type.clone(),
            trigger: words::trigger(attempt.trigger),
            started: display::time(attempt.started_at),
            took: format!("{} ms", attempt.duration.as_millis()),
            outcome: words::outcome(attempt.outcome, attempt.http_status),
            tone: match attempt.outcome {
                AttemptOutcome::Delivered => "ok",
                _ => "bad",
            },
            answer: attempt.answer_start.clone(),
        }
    }
}
