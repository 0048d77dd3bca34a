//! Sends a span of the feed to an endpoint again.

use oms_database::{Connection, transaction};
use oms_validation::{Actor, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::feed::Feed;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::{
    MAX_REPLAYED, NewReplay, Replay, ReplayId, ReplayPoint, ReplayState,
};
use crate::error::WebhooksError;
use crate::service::webhooks::claim_key::claim_key;
use crate::service::webhooks::create_endpoint::check_types;
use crate::store::segments;
use crate::store::webhooks::{clock, endpoints, replays};

/// Starts a replay, once per idempotency key. Its events are sent when the endpoint is enabled and has nothing else to
/// send.
///
/// # Errors
/// `UnknownType`; `EndpointNotFound`; `ReplayRunning`; `CursorExpired`; `EmptySpan`; `ReplayTooLong`; `KeyReused`;
/// `ReplayNotFound` if the replay of the earlier request is no longer kept; or the database's error.
pub async fn start_replay(
    context: &WebhooksContext,
    tenant: TenantId,
    endpoint: EndpointId,
    key: &IdempotencyKey,
    new: &NewReplay,
    actor: &Actor,
) -> Result<Once<Replay>, WebhooksError> {
    check_types(context, &new.types)?;
    let to = new.to.map(ReplayPoint::text);
    let facts = (endpoint, new.from.text(), to, &new.types);
    let keyed = Keyed::new(key, "start webhook replay v1", &facts);
    let id = ReplayId::generate();
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
            let found = replays::find(connection, tenant, endpoint, id.into()).await?;
            return Ok(Once::Before(found.ok_or(WebhooksError::ReplayNotFound)?));
        }
        let locked = endpoints::lock(connection, tenant, endpoint).await?;
        let locked = locked.ok_or(WebhooksError::EndpointNotFound)?;
        let running = replays::find_running(connection, tenant, endpoint).await?;
        if running.is_some() {
            return Err(WebhooksError::ReplayRunning);
        }
        let feed = segments::read(connection, tenant, None, 0).await?;
        let from = place_of(connection, tenant, &feed, new.from).await?;
        let to = match new.to {
            Some(to) => place_of(connection, tenant, &feed, to).await?,
            None => locked.position,
        };
        // What the endpoint has not reached yet comes anyway.
        let to = to.min(locked.position);
        if from >= to {
            return Err(WebhooksError::EmptySpan);
        }
        let events = segments::count(connection, tenant, from, to, MAX_REPLAYED).await?;
        let events = events.filter(|events| *events <= MAX_REPLAYED);
        let events = events.ok_or(WebhooksError::ReplayTooLong)?;
        let replay = Replay {
            id,
            types: new.types.clone(),
            from,
            to,
            events: i32::try_from(events).unwrap_or(i32::MAX),
            position: from,
            delivered: 0,
            rejected: 0,
            state: ReplayState::Running,
            requested_by: actor.as_str().to_owned(),
            created_at: clock::present(connection, context.now()).await?,
            ended_at: None,
        };
        replays::insert(connection, tenant, endpoint, &replay).await?;
        // The instance that sends to it stops, and the next one finds the replay.
        endpoints::update(connection, tenant, context.now(), &locked).await?;
        Ok(Once::Now(replay))
    })
    .await
}

/// The position of a point.
async fn place_of(
    connection: &mut Connection,
    tenant: TenantId,
    feed: &Feed,
    point: ReplayPoint,
) -> Result<i64, WebhooksError> {
    match point {
        ReplayPoint::Earliest => Ok(feed.purged_to),
        ReplayPoint::At(position) if position.0 < feed.purged_to => {
            Err(WebhooksError::CursorExpired)
        }
        ReplayPoint::At(position) => Ok(position.0.min(feed.position)),
        ReplayPoint::Time(time) => {
            // Segments have no index by time, but their times grow with their positions.
            let (mut begin, mut end) = (feed.purged_to, feed.position);
            while begin < end {
                let middle = begin.midpoint(end);
                let following = segments::find_following(connection, tenant, middle).await?;
                match following {
                    Some(segment) if segment.written_at < time => begin = segment.last_position,
                    Some(segment) => end = middle.min(segment.before()).max(begin),
                    None => end = middle,
                }
            }
            Ok(begin)
        }
    }
}
