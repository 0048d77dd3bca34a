//! What endpoints get, whatever they answer.

use std::time::Duration;

use oms_events::{
    DeliveryState, EndpointStatus, Failure, FeedFilter, FeedStart, Outcome, Resolution,
    WebhooksError, enable_endpoint, list_attempts, list_deliveries, list_events, pause_endpoint,
    resolve_delivery,
};
use oms_validation::{Actor, ExpectedVersion, PageSize};
use uuid::Uuid;

use crate::receiver::{Hooks, rejected};

const DOWN: Outcome = Outcome::Failed(Failure::Timeout);
const ANY: ExpectedVersion = ExpectedVersion::Any;

/// The IDs of the events of an order, of those given, in order.
fn of_order(ids: &[String], order: Uuid) -> Vec<String> {
    let begin = format!("evt_{}_", order.simple());
    let of_it = ids.iter().filter(|id| id.starts_with(&begin));
    of_it.cloned().collect()
}

/// The types of the records in the feed.
async fn reported(hooks: &Hooks) -> Vec<String> {
    hooks.world.relay_all().await;
    let filter = FeedFilter::default();
    let (context, tenant) = (&hooks.world.context, hooks.world.tenant);
    let page = list_events(context, tenant, FeedStart::Earliest, &filter, 500).await;
    let items = page.unwrap().items.into_iter();
    let records = items.filter(|event| event.event_type().starts_with("webhook_endpoint."));
    records.map(|event| event.event_type().to_owned()).collect()
}

#[tokio::test]
async fn an_endpoint_gets_every_event_once_in_the_order_of_its_subject() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(5).await;
    let endpoint = hooks.endpoint().await;
    for _ in 0..4 {
        hooks.publish(&orders).await;
    }
    hooks.deliver().await;
    let (feed, accepted) = (hooks.feed().await, hooks.receiver.accepted());
    assert_eq!((feed.len(), accepted.len()), (20, 20));
    for order in orders {
        assert_eq!(of_order(&accepted, order), of_order(&feed, order));
    }
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries(), 20);
    assert_eq!(hooks.find(&endpoint).await.position, 20);
}

#[tokio::test]
async fn an_endpoint_gets_only_what_happens_after_it_was_created() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    hooks.publish(&orders).await;
    hooks.endpoint().await;
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries(), 0);
    hooks.publish(&orders).await;
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), hooks.feed().await[1..]);
}

#[tokio::test]
async fn an_outage_of_two_days_costs_probes_and_loses_nothing() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(10).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(DOWN);
    for _ in 0..10 {
        hooks.publish(&orders).await;
    }
    hooks.pass(48).await;
    let tries = hooks.receiver.tries();
    // 48 hours at 300 seconds each, a fifth more or less.
    assert!((480..=740).contains(&tries), "{tries} tries");
    let failing = hooks.find(&endpoint).await;
    assert_eq!(
        (failing.status, failing.position),
        (EndpointStatus::Enabled, 0)
    );
    assert_eq!(reported(&hooks).await, ["webhook_endpoint.failing"]);
    hooks.receiver.answer(Outcome::Delivered);
    hooks.pass(1).await;
    let (feed, accepted) = (hooks.feed().await, hooks.receiver.accepted());
    assert_eq!((feed.len(), accepted.len()), (100, 100));
    for order in orders {
        assert_eq!(of_order(&accepted, order), of_order(&feed, order));
    }
    let recovered = hooks.find(&endpoint).await;
    assert_eq!((recovered.failing_since, recovered.failures), (None, 0));
    let expected = ["webhook_endpoint.failing", "webhook_endpoint.recovered"];
    assert_eq!(reported(&hooks).await, expected);
    hooks.deliver().await;
    assert_eq!(
        hooks.receiver.accepted().len(),
        100,
        "nobody is told about an endpoint through itself"
    );
}

#[tokio::test]
async fn what_says_not_now_stops_the_endpoint_and_what_says_no_stops_the_event() {
    let not_now = [
        DOWN,
        Outcome::Failed(Failure::Dns),
        Outcome::Failed(Failure::Tls),
        Outcome::Failed(Failure::Connect),
        Outcome::Failed(Failure::Closed),
        Outcome::Failed(Failure::AddressNotAllowed),
        rejected(429),
        rejected(502),
        rejected(503),
        rejected(504),
    ];
    let no = [301, 400, 404, 422, 500].map(rejected);
    for (outcome, stops_the_endpoint) in
        (not_now.map(|it| (it, true)).into_iter()).chain(no.map(|it| (it, false)))
    {
        let hooks = Hooks::open().await;
        let orders = hooks.world.orders(2).await;
        let endpoint = hooks.endpoint().await;
        hooks.publish(&orders).await;
        let feed = hooks.feed().await;
        hooks.receiver.answer_to(&feed[0], outcome);
        hooks.deliver().await;
        let found = hooks.find(&endpoint).await;
        assert_eq!(
            found.failing_since.is_some(),
            stops_the_endpoint,
            "{outcome:?}"
        );
        // The other event was delivered, and is not sent again.
        assert_eq!(found.position, 2, "{outcome:?}");
        hooks.receiver.answer_to(&feed[0], Outcome::Delivered);
        hooks.pass(1).await;
        assert_eq!(
            of_order(&hooks.receiver.accepted(), orders[0]),
            [feed[0].clone()],
            "{outcome:?}"
        );
        assert_eq!(hooks.receiver.tries_of(&feed[1]), 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_always_rejected_is_given_up_after_ten_tries_and_delays_only_its_subject()
{
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks
        .publish(&[orders[0], orders[1], orders[0], orders[1]])
        .await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    assert_eq!(
        hooks.receiver.accepted(),
        [feed[1].clone(), feed[3].clone()]
    );
    let size = PageSize::default();
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    let states = async || {
        let listed = list_deliveries(context, tenant, endpoint.id, None, None, size).await;
        let page = listed.unwrap().0;
        let states = page.items.iter().map(|it| (it.state, it.tries));
        states.collect::<Vec<_>>()
    };
    assert_eq!(
        states().await,
        [(DeliveryState::Retrying, 1), (DeliveryState::Behind, 0)]
    );
    hooks.pass(120).await;
    assert_eq!(hooks.receiver.tries_of(&feed[0]), 10);
    assert_eq!(hooks.receiver.accepted()[2..], [feed[2].clone()]);
    assert_eq!(states().await, [(DeliveryState::Exhausted, 10)]);
    let tried = list_attempts(context, tenant, endpoint.id, None, None, None, size).await;
    assert_eq!(tried.unwrap().items.len(), 13);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_keeps_its_place() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(rejected(410));
    hooks.publish(&orders).await;
    hooks.pass(1).await;
    let gone = hooks.find(&endpoint).await;
    assert_eq!((gone.status, gone.position), (EndpointStatus::Disabled, 0));
    assert_eq!(gone.status_reason.as_deref(), Some("gone"));
    let tries = hooks.receiver.tries();
    hooks.publish(&orders).await;
    hooks.pass(24).await;
    assert_eq!(hooks.receiver.tries(), tries);
    assert_eq!(reported(&hooks).await, ["webhook_endpoint.disabled"]);
    hooks.receiver.answer(Outcome::Delivered);
    let tenant = hooks.world.tenant;
    let enabled = enable_endpoint(&hooks.context, tenant, endpoint.id, &ANY, None).await;
    assert_eq!(enabled.unwrap().status, EndpointStatus::Enabled);
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted().len(), 6);
}

#[tokio::test]
async fn an_endpoint_that_nothing_reaches_for_five_days_is_disabled() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(DOWN);
    hooks.publish(&orders).await;
    hooks.pass(119).await;
    assert_eq!(hooks.find(&endpoint).await.status, EndpointStatus::Enabled);
    hooks.pass(2).await;
    let disabled = hooks.find(&endpoint).await;
    assert_eq!(disabled.status, EndpointStatus::Disabled);
    assert_eq!(disabled.status_reason.as_deref(), Some("unreachable"));
    let expected = ["webhook_endpoint.failing", "webhook_endpoint.disabled"];
    assert_eq!(reported(&hooks).await, expected);
}

#[tokio::test]
async fn a_paused_endpoint_gets_nothing_and_keeps_its_place() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    let actor = Actor::of_client("ann").unwrap();
    let paused = pause_endpoint(context, tenant, endpoint.id, &ANY, &actor).await;
    assert_eq!(paused.unwrap().status, EndpointStatus::Paused);
    hooks.publish(&orders).await;
    hooks.pass(1).await;
    assert_eq!(hooks.receiver.tries(), 0);
    let enabled = enable_endpoint(context, tenant, endpoint.id, &ANY, None).await;
    enabled.unwrap();
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), hooks.feed().await);
}

#[tokio::test]
async fn what_is_on_the_way_when_an_endpoint_is_paused_is_sent_again() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&orders).await;
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    *hooks.receiver.on_the_way.lock().unwrap() = Some(go_on.clone());
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    let actor = Actor::of_client("ann").unwrap();
    let pausing = async {
        hooks.receiver.arrived.notified().await;
        let paused = pause_endpoint(context, tenant, endpoint.id, &ANY, &actor).await;
        paused.unwrap();
        *hooks.receiver.on_the_way.lock().unwrap() = None;
        go_on.notify_one();
    };
    tokio::join!(hooks.deliver(), pausing);
    let paused = hooks.find(&endpoint).await;
    assert_eq!(
        (paused.status, paused.position),
        (EndpointStatus::Paused, 0)
    );
    enable_endpoint(context, tenant, endpoint.id, &ANY, None)
        .await
        .unwrap();
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries_of(&hooks.feed().await[0]), 2);
    assert_eq!(hooks.find(&endpoint).await.position, 1);
}

#[tokio::test]
async fn an_instance_whose_lease_ended_changes_nothing() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0], orders[0]]).await;
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    *hooks.receiver.on_the_way.lock().unwrap() = Some(go_on.clone());
    let other = async {
        hooks.receiver.arrived.notified().await;
        *hooks.receiver.on_the_way.lock().unwrap() = None;
        // The other instance takes over when the lease of a minute has ended.
        hooks.clock.pass(Duration::from_secs(61));
        hooks.deliver().await;
        let delivered = hooks.find(&endpoint).await;
        assert_eq!(delivered.position, 2);
        hooks.receiver.answer(DOWN);
        go_on.notify_one();
    };
    tokio::join!(hooks.deliver(), other);
    let found = hooks.find(&endpoint).await;
    assert_eq!((found.position, found.failing_since), (2, None));
}

#[tokio::test]
async fn a_delivery_can_be_retried_and_skipped() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0], orders[0], orders[0]]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    let (context, tenant, id) = (&hooks.context, hooks.world.tenant, endpoint.id);
    let key = |id: &String| id.parse().unwrap();
    let retry = Resolution::Retry;
    resolve_delivery(context, tenant, id, key(&feed[0]), retry)
        .await
        .unwrap();
    hooks.deliver().await;
    assert_eq!(hooks.receiver.tries_of(&feed[0]), 2);
    let skipped = resolve_delivery(context, tenant, id, key(&feed[0]), Resolution::Skip).await;
    assert_eq!(skipped.unwrap().state, DeliveryState::Exhausted);
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), feed[1..]);
    hooks.receiver.answer_to(&feed[0], Outcome::Delivered);
    resolve_delivery(context, tenant, id, key(&feed[0]), retry)
        .await
        .unwrap();
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted().last(), Some(&feed[0]));
    let missing = resolve_delivery(context, tenant, id, key(&feed[0]), retry).await;
    assert!(matches!(missing, Err(WebhooksError::DeliveryNotFound)));
}
