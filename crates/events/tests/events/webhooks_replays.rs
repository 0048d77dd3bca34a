//! Spans of the feed that an endpoint is sent again.

use std::sync::Arc;

use oms_events::{
    Couriers, Endpoint, Failure, FeedPosition, MaxInFlight, NewReplay, Ordering, Outcome, Replay,
    ReplayPoint, ReplayState, Signing, WebhooksError, cancel_replay, get_replay, start_replay,
};
use oms_validation::{Actor, IdempotencyKey, Once};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::receiver::{Hooks, rejected};

const EARLIEST: NewReplay = NewReplay {
    from: ReplayPoint::Earliest,
    to: None,
    types: Vec::new(),
};

impl Hooks {
    async fn start(
        &self,
        endpoint: &Endpoint,
        new: &NewReplay,
    ) -> Result<Once<Replay>, WebhooksError> {
        self.start_with(&Uuid::now_v7().to_string(), endpoint, new)
            .await
    }

    async fn start_with(
        &self,
        key: &str,
        endpoint: &Endpoint,
        new: &NewReplay,
    ) -> Result<Once<Replay>, WebhooksError> {
        let key = IdempotencyKey::parse(key).unwrap();
        let actor = Actor::of_client("ann").unwrap();
        let (context, tenant) = (&self.context, self.world.tenant);
        start_replay(context, tenant, endpoint.id, &key, new, &actor).await
    }

    async fn replay(&self, endpoint: &Endpoint, new: &NewReplay) -> Replay {
        self.start(endpoint, new).await.unwrap().into_inner()
    }

    async fn replay_now(&self, endpoint: &Endpoint, replay: &Replay) -> Replay {
        let tenant = self.world.tenant;
        let read = get_replay(&self.context, tenant, endpoint.id, replay.id).await;
        read.unwrap()
    }
}

fn point(position: i64) -> ReplayPoint {
    ReplayPoint::At(FeedPosition(position))
}

#[tokio::test]
async fn a_span_is_sent_again_in_order_and_the_place_stays() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let endpoint = hooks.endpoint().await;
    for _ in 0..4 {
        hooks.publish(&orders).await;
    }
    hooks.deliver().await;
    let feed = hooks.feed().await;
    let span = NewReplay {
        from: point(2),
        to: Some(point(9)),
        types: Vec::new(),
    };
    let started = hooks.replay(&endpoint, &span).await;
    assert_eq!((started.events, started.state), (7, ReplayState::Running));
    hooks.deliver().await;
    let again = &hooks.receiver.accepted()[feed.len()..];
    for order in &orders {
        let begin = format!("evt_{}_", order.simple());
        let of_it = |ids: &[String]| -> Vec<String> {
            let ids = ids.iter().filter(|id| id.starts_with(&begin));
            ids.cloned().collect()
        };
        assert_eq!(of_it(again), of_it(&feed[2..9]));
    }
    assert_eq!(again.len(), 7);
    let ended = hooks.replay_now(&endpoint, &started).await;
    assert_eq!(
        (ended.state, ended.position, ended.delivered, ended.rejected),
        (ReplayState::Finished, 9, 7, 0)
    );
    assert!(ended.ended_at.is_some());
    assert_eq!(hooks.find(&endpoint).await.position, 12);
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries(), 19);
}

#[tokio::test]
async fn what_happens_during_a_replay_does_not_wait_for_it() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let (ordering, signing) = (Ordering::Subject, Signing::Hmac);
    let two = MaxInFlight::try_from(2).unwrap();
    let url = "https://slow.example/hooks";
    let endpoint = hooks.create("slow", url, ordering, signing, two).await;
    hooks.publish(&orders[..2]).await;
    hooks.deliver().await;
    hooks.replay(&endpoint, &EARLIEST).await;
    let permits = Arc::new(Semaphore::new(0));
    *hooks.receiver.slow.lock().unwrap() = Some(permits.clone());
    let tasks = TaskTracker::new();
    let couriers = Couriers::new(hooks.context.clone(), tasks.clone());
    let stopping = CancellationToken::new();
    assert_eq!(couriers.dispatch(&stopping).await.unwrap().endpoints, 1);
    // An event of the replay is on its way, and the receiver does not answer.
    hooks.receiver.arrived.notified().await;
    hooks.publish(&orders[2..]).await;
    // The new one is sent beside it.
    hooks.receiver.arrived.notified().await;
    permits.add_permits(3);
    tasks.close();
    tasks.wait().await;
    hooks.deliver().await;
    let accepted = hooks.receiver.accepted();
    let feed = hooks.feed().await;
    assert_eq!(accepted.len(), 5);
    assert_eq!(accepted.iter().filter(|id| **id == feed[2]).count(), 1);
}

#[tokio::test]
async fn a_rejected_event_of_a_replay_is_counted_and_holds_nothing_back() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0], orders[0], orders[0]]).await;
    hooks.deliver().await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    let started = hooks.replay(&endpoint, &EARLIEST).await;
    hooks.publish(&orders).await;
    hooks.pass(24).await;
    let ended = hooks.replay_now(&endpoint, &started).await;
    assert_eq!(
        (ended.state, ended.delivered, ended.rejected),
        (ReplayState::Finished, 2, 1)
    );
    let tries: Vec<usize> = feed.iter().map(|id| hooks.receiver.tries_of(id)).collect();
    assert_eq!(tries, [2, 2, 2]);
    assert_eq!(hooks.find(&endpoint).await.position, 4);
}

#[tokio::test]
async fn what_was_not_received_yet_is_not_replayed_before_its_turn() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0], orders[0], orders[1]]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    let started = hooks.replay(&endpoint, &EARLIEST).await;
    hooks.deliver().await;
    let ended = hooks.replay_now(&endpoint, &started).await;
    assert_eq!((ended.state, ended.delivered), (ReplayState::Finished, 1));
    assert_eq!(hooks.receiver.tries_of(&feed[0]), 1);
    assert_eq!(
        hooks.receiver.tries_of(&feed[1]),
        0,
        "it waits for the first"
    );
    assert_eq!(hooks.receiver.tries_of(&feed[2]), 2);
}

#[tokio::test]
async fn a_replay_waits_for_an_endpoint_that_can_not_be_reached() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(10).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&orders).await;
    hooks.deliver().await;
    hooks.receiver.answer(Outcome::Failed(Failure::Connect));
    let started = hooks.replay(&endpoint, &EARLIEST).await;
    hooks.pass(1).await;
    let waits = hooks.replay_now(&endpoint, &started).await;
    assert_eq!((waits.state, waits.delivered), (ReplayState::Running, 0));
    assert!(hooks.find(&endpoint).await.failing_since.is_some());
    hooks.receiver.answer(Outcome::Delivered);
    hooks.pass(1).await;
    let ended = hooks.replay_now(&endpoint, &started).await;
    assert_eq!((ended.state, ended.delivered), (ReplayState::Finished, 10));
}

#[tokio::test]
async fn an_endpoint_has_one_replay_at_a_time_until_it_ends_or_is_cancelled() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&orders).await;
    hooks.deliver().await;
    let first = hooks.start_with("k", &endpoint, &EARLIEST).await;
    let first = first.unwrap().into_inner();
    let again = hooks.start_with("k", &endpoint, &EARLIEST).await;
    assert!(matches!(again, Ok(Once::Before(it)) if it == first));
    let second = hooks.start(&endpoint, &EARLIEST).await;
    assert!(matches!(second, Err(WebhooksError::ReplayRunning)));
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    let cancelled = cancel_replay(context, tenant, endpoint.id, first.id).await;
    let cancelled = cancelled.unwrap();
    assert_eq!(cancelled.state, ReplayState::Cancelled);
    let again = cancel_replay(context, tenant, endpoint.id, first.id).await;
    assert_eq!(again.unwrap(), cancelled);
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries(), 2, "nothing was sent again");
    let second = hooks.replay(&endpoint, &EARLIEST).await;
    hooks.deliver().await;
    let ended = hooks.replay_now(&endpoint, &second).await;
    assert_eq!(ended.state, ReplayState::Finished);
    assert_eq!(hooks.receiver.tries(), 4);
}

#[tokio::test]
async fn a_replay_that_is_cancelled_while_it_sends_stores_nothing_more() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&orders).await;
    hooks.deliver().await;
    let started = hooks.replay(&endpoint, &EARLIEST).await;
    let go_on = Arc::new(tokio::sync::Notify::new());
    *hooks.receiver.on_the_way.lock().unwrap() = Some(go_on.clone());
    let cancelling = async {
        hooks.receiver.arrived.notified().await;
        *hooks.receiver.on_the_way.lock().unwrap() = None;
        let (context, tenant) = (&hooks.context, hooks.world.tenant);
        let cancelled = cancel_replay(context, tenant, endpoint.id, started.id).await;
        go_on.notify_waiters();
        cancelled.unwrap()
    };
    let ((), cancelled) = tokio::join!(hooks.deliver(), cancelling);
    assert_eq!(hooks.replay_now(&endpoint, &started).await, cancelled);
    assert_eq!(cancelled.delivered, 0);
}

#[tokio::test]
async fn a_span_must_be_kept_not_empty_and_not_too_long() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    let empty = hooks.start(&endpoint, &EARLIEST).await;
    assert!(matches!(empty, Err(WebhooksError::EmptySpan)));
    hooks.publish(&orders).await;
    // It has not reached the event yet.
    let empty = hooks.start(&endpoint, &EARLIEST).await;
    assert!(matches!(empty, Err(WebhooksError::EmptySpan)));
    hooks.deliver().await;
    // 100 segments of 1,000 events follow.
    let tenant = hooks.world.tenant;
    hooks
        .world
        .run_sql(&format!(
            "INSERT INTO events.segments (tenant_id, last_position, subject_ids, numbers)
             SELECT '{tenant}', 1 + 1000 * n, array_fill('{}'::uuid, ARRAY[1000]), array_fill(1, ARRAY[1000])
             FROM generate_series(1, 100) AS n;
             UPDATE events.heads SET position = 100001;
             UPDATE events.endpoints SET position = 100001",
            orders[0]
        ))
        .await;
    let too_long = hooks.start(&endpoint, &EARLIEST).await;
    assert!(matches!(too_long, Err(WebhooksError::ReplayTooLong)));
    let from = |from| NewReplay {
        from,
        to: None,
        types: Vec::new(),
    };
    let longest = hooks.replay(&endpoint, &from(point(1))).await;
    assert_eq!(longest.events, 100_000);
    let context = &hooks.context;
    let cancelled = cancel_replay(context, tenant, endpoint.id, longest.id).await;
    cancelled.unwrap();
    let part = NewReplay {
        to: Some(point(2500)),
        ..from(point(1500))
    };
    assert_eq!(hooks.replay(&endpoint, &part).await.events, 1000);
    hooks
        .world
        .run_sql("DELETE FROM events.replays; UPDATE events.heads SET purged_to = 2000")
        .await;
    let expired = hooks.start(&endpoint, &from(point(1999))).await;
    assert!(matches!(expired, Err(WebhooksError::CursorExpired)));
}

#[tokio::test]
async fn a_span_of_time_has_the_events_that_were_published_in_it() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    for _ in 0..20 {
        hooks.publish(&orders).await;
    }
    hooks.deliver().await;
    // Positions are not consecutive after a restore.
    hooks
        .world
        .run_sql(
            "UPDATE events.segments SET last_position = last_position + 1000000 WHERE last_position > 20;
             UPDATE events.segments SET written_at = to_timestamp(last_position % 1000000 * 60);
             UPDATE events.heads SET position = 1000040;
             UPDATE events.endpoints SET position = 1000040",
        )
        .await;
    let minute = |minute: i64| {
        let time = chrono::DateTime::from_timestamp(minute * 60, 0).unwrap();
        ReplayPoint::Time(time)
    };
    for (from, to, expected) in [
        (minute(0), minute(1000), (0, 1_000_040, 40)),
        (minute(3), minute(5), (2, 4, 2)),
        (minute(20), minute(24), (18, 1_000_022, 4)),
        (minute(21), minute(25), (20, 1_000_024, 4)),
        (ReplayPoint::Earliest, minute(2), (0, 0, 0)),
        (minute(40), minute(1000), (1_000_038, 1_000_040, 2)),
        (minute(41), minute(1000), (0, 0, 0)),
    ] {
        let span = NewReplay {
            from,
            to: Some(to),
            types: Vec::new(),
        };
        let found = match hooks.start(&endpoint, &span).await {
            Ok(started) => {
                let replay = started.into_inner();
                hooks.world.run_sql("DELETE FROM events.replays").await;
                (replay.from, replay.to, replay.events)
            }
            Err(WebhooksError::EmptySpan) => (0, 0, 0),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{from:?} to {to:?}");
    }
}
