//! `/webhook-endpoints/{id}/replays`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::INVALID_HEADER;
use oms_validation::{Cursor, Once};
use oms_web::{
    CurrentActor, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson, mark_replayed,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{WebhooksApi, id_of};
use crate::domain::feed::FeedPosition;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::{NewReplay, Replay, ReplayId, ReplayPoint, ReplayState};
use crate::error::{self, WebhooksError};
use crate::http::examples;
use crate::service::webhooks::cancel_replay::cancel_replay;
use crate::service::webhooks::get_replay::get_replay;
use crate::service::webhooks::list_replays::list_replays;
use crate::service::webhooks::start_replay::start_replay;

/// A replay to start.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhookReplay, examples(examples::new_replay))]
pub(super) struct Body {
    /// `earliest`, the first event that is kept; a cursor of `GET /events`, for the events after it; or a time, for the
    /// events that were published then or later.
    #[schema(value_type = String)]
    from: ReplayPoint,
    /// A cursor, for the events up to it; or a time, for the events that were published before it. Defaults to the
    /// endpoint's place, which is also the limit.
    #[schema(value_type = Option<String>)]
    to: Option<ReplayPoint>,
    /// Names of `GET /event-types`, and areas such as `order.*`. Omitted or empty: all types of the endpoint.
    #[serde(default)]
    #[schema(max_items = 100)]
    #[validate(length(max = 100, message = "must have at most 100 entries"))]
    types: Vec<String>,
}

/// A replay.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookReplay, examples(examples::replay))]
pub(super) struct ReplayBody {
    id: ReplayId,
    state: ReplayState,
    /// The events after this cursor are sent.
    from: String,
    /// The cursor of the last event.
    to: String,
    types: Vec<String>,
    /// Number of events between `from` and `to`, of all types.
    #[schema(maximum = 100_000)]
    events: i32,
    /// The events up to this cursor were sent, or are not selected.
    cursor: String,
    /// Number of events that the endpoint accepted.
    delivered: i32,
    /// Number of events that it rejected. They are not sent again.
    rejected: i32,
    /// Who started it.
    requested_by: String,
    created_at: DateTime<Utc>,
    /// When it was finished or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
}

impl From<Replay> for ReplayBody {
    fn from(replay: Replay) -> Self {
        let cursor = |position| Cursor(FeedPosition(position)).to_string();
        Self {
            id: replay.id,
            state: replay.state,
            from: cursor(replay.from),
            to: cursor(replay.to),
            types: replay.types,
            events: replay.events,
            cursor: cursor(replay.position),
            delivered: replay.delivered,
            rejected: replay.rejected,
            requested_by: replay.requested_by,
            created_at: replay.created_at,
            ended_at: replay.ended_at,
        }
    }
}

oms_web::refusals! {
    StartRefusals: [
        INVALID_HEADER,
        error::ENDPOINT_NOT_FOUND,
        error::REPLAY_NOT_FOUND,
        error::REPLAY_RUNNING,
        error::REPLAY_EMPTY,
        error::REPLAY_TOO_LONG,
        error::CURSOR_EXPIRED,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 202 with the replay, or 200 with that of an earlier request with this key.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/replays",
    operation_id = "startWebhookReplay",
    tag = "webhook-endpoints",
    summary = "Replay a span of the feed",
    description = "The endpoint is sent the events of the span again, under the same IDs and with the header `oms-replay`, while it has \
        nothing else to receive. Each is sent once: one that is rejected is counted, and not sent again. At most 100,000 events, one replay at a \
        time.",
    params(("id" = EndpointId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 202, description = "The replay was started.", body = ReplayBody, headers(("Location"))),
        (status = 200, description = "The replay that an earlier request with this key started.", body = ReplayBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        StartRefusals,
    ),
)]
pub(super) async fn start(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let body = body.0;
    let new = NewReplay {
        from: body.from,
        to: body.to,
        types: body.types,
    };
    let starting = api.work.run(|context| async move {
        start_replay(&context, tenant.0, id, &key.0, &new, &actor.0).await
    });
    let once = starting.await?;
    let mut response = match once {
        Once::Now(_) => HttpResponse::Accepted(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let replay = mark_replayed(&mut response, once);
    let location = format!("/webhook-endpoints/{id}/replays/{}", replay.id);
    response.insert_header((header::LOCATION, location));
    Ok(response.json(ReplayBody::from(replay)))
}

/// The replays of an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookReplays)]
pub(super) struct ListBody {
    #[schema(max_items = 100)]
    items: Vec<ReplayBody>,
}

oms_web::refusals! {
    ListRefusals: [error::ENDPOINT_NOT_FOUND]
}

/// Answers 200 with the newest replays.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/replays",
    operation_id = "listWebhookReplays",
    tag = "webhook-endpoints",
    summary = "List replays",
    description = "The 100 newest ones, newest first. They are kept as long as the feed.",
    params(("id" = EndpointId, Path)),
    responses(
        (status = 200, description = "The replays.", body = ListBody),
        ListRefusals,
    ),
)]
pub(super) async fn list(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let listing = api
        .work
        .run(|context| async move { list_replays(&context, tenant.0, id).await });
    let items = listing.await?.into_iter().map(ReplayBody::from).collect();
    Ok(HttpResponse::Ok().json(ListBody { items }))
}

oms_web::refusals! {
    ShowRefusals: [error::REPLAY_NOT_FOUND]
}

/// Answers 200 with the replay.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/replays/{replayId}",
    operation_id = "getWebhookReplay",
    tag = "webhook-endpoints",
    summary = "Show a replay",
    description = "How far it is, to the second.",
    params(("id" = EndpointId, Path), ("replayId" = ReplayId, Path)),
    responses(
        (status = 200, description = "The replay.", body = ReplayBody),
        ShowRefusals,
    ),
)]
pub(super) async fn show(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    let (endpoint, id) = ids_of(&path)?;
    let reading = api
        .work
        .run(|context| async move { get_replay(&context, tenant.0, endpoint, id).await });
    Ok(HttpResponse::Ok().json(ReplayBody::from(reading.await?)))
}

oms_web::refusals! {
    CancelRefusals: [
        error::ENDPOINT_NOT_FOUND,
        error::REPLAY_NOT_FOUND,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the replay, also if it had ended already.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/replays/{replayId}/cancel",
    operation_id = "cancelWebhookReplay",
    tag = "webhook-endpoints",
    summary = "Cancel a replay",
    description = "No more of its events are sent. What is in flight may still arrive.",
    params(("id" = EndpointId, Path), ("replayId" = ReplayId, Path)),
    responses(
        (status = 200, description = "The replay.", body = ReplayBody),
        CancelRefusals,
    ),
)]
pub(super) async fn cancel(
    api: web::Data<WebhooksApi>,
    tenant: CurrentTenant,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ProblemResponse> {
    let (endpoint, id) = ids_of(&path)?;
    let cancelling = api
        .work
        .run(|context| async move { cancel_replay(&context, tenant.0, endpoint, id).await });
    Ok(HttpResponse::Ok().json(ReplayBody::from(cancelling.await?)))
}

/// Parses the IDs in a path. Malformed ones are treated as unknown.
fn ids_of(path: &(String, String)) -> Result<(EndpointId, ReplayId), WebhooksError> {
    let replay = path.1.parse().map_err(|_| WebhooksError::ReplayNotFound)?;
    let endpoint = path.0.parse().map_err(|_| WebhooksError::ReplayNotFound)?;
    Ok((endpoint, replay))
}
