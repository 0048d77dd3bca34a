//! `GET /events`.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use oms_validation::Cursor;
use oms_web::{CurrentTenant, ProblemResponse, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::EventsApi;
use super::examples;
use super::representation::EventBody;
use crate::domain::event::Event;
use crate::domain::feed::{FeedFilter, FeedLimit, FeedStart, FeedWait, SubjectId, UnknownType};
use crate::error::{CURSOR_EXPIRED, EventsError, TOO_MANY_WAITING};
use crate::service;

oms_web::refusals! {
    Refusals: [CURSOR_EXPIRED, TOO_MANY_WAITING]
}

/// The parameters of the feed.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// `earliest`, `latest`, or the `cursor` of an earlier answer.
    #[param(value_type = String, example = "earliest")]
    after: FeedStart,
    /// Types, separated by commas: names, or an area such as `order.*`. All types by default.
    types: Option<String>,
    /// Only events about this subject.
    subject_id: Option<SubjectId>,
    #[serde(default)]
    limit: FeedLimit,
    #[serde(default)]
    wait: FeedWait,
}

/// An answer of the feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventPage, examples(examples::page))]
struct Body {
    /// Events in the order of the feed. The events of an order are in the order of their `sequence`.
    #[schema(value_type = Vec<EventBody>)]
    items: Vec<Event>,
    /// Send it as `after` in the next request. Always there, also without events.
    cursor: String,
    /// Whether there are more events already.
    has_more: bool,
}

/// Answers 200 with events, none of them before or at the cursor; 410 when events after the cursor were deleted; 429
/// when too many requests of the tenant wait.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "listEvents",
    tag = "events",
    summary = "Read the feed of events",
    description = "What has changed, in order. Store the `cursor` with what you did about the events, and send it as `after`: no event is skipped, and none \
        comes twice. With a filter, an answer may have fewer events than `limit`, or none, while `hasMore` is true. With `wait`, the answer comes as soon as \
        there are events.",
    params(Parameters),
    responses(
        (status = 200, description = "Events after the cursor.", body = Body),
        Refusals,
    ),
)]
pub(super) async fn list_events(
    api: web::Data<EventsApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        after,
        types,
        subject_id,
        limit,
        wait,
    } = query.0;
    let context = api.work.context();
    let known = context.types.iter().map(|it| it.name);
    let filter = types.map_or(Ok(FeedFilter::default()), |types| {
        FeedFilter::of_types(&types, &known)
    });
    let filter = filter.map_err(|UnknownType(name)| EventsError::UnknownType(name))?;
    let filter = filter.about(subject_id);
    let (limit, wait) = (usize::from(limit.0), Duration::from_secs(wait.0.into()));
    // Only reading is detached: a client that goes away gives up its place among those that wait.
    let read = async |start| {
        let filter = filter.clone();
        let reading = api.work.run(|context| async move {
            service::list_events::list_events(&context, tenant.0, start, &filter, limit).await
        });
        reading.await
    };
    let waiting = service::wait_for_events::wait_for_events(context, tenant.0, after, wait, read);
    let page = waiting.await?;
    Ok(HttpResponse::Ok().json(Body {
        items: page.items,
        cursor: Cursor(page.cursor).to_string(),
        has_more: page.has_more,
    }))
}
