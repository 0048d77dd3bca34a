//! Receivers that break, and what requests change meanwhile.

use std::time::Duration;

use oms_events::{
    DeliveryState, EndpointChange, EndpointStatus, FeedStart, Ordering, Outcome, change_endpoint,
    enable_endpoint, list_deliveries, purge_deliveries,
};
use oms_validation::{ExpectedVersion, PageSize};
use uuid::Uuid;

use crate::receiver::{Hooks, rejected};

const ANY: ExpectedVersion = ExpectedVersion::Any;

/// The IDs of the events of an order, of those given, in order.
pub fn of_order(ids: &[String], order: Uuid) -> Vec<String> {
    let begin = format!("evt_{}_", order.simple());
    let of_it = ids.iter().filter(|id| id.starts_with(&begin));
    of_it.cloned().collect()
}

impl Hooks {
    /// The states of what an endpoint has not received.
    async fn states(&self, endpoint: &oms_events::Endpoint) -> Vec<DeliveryState> {
        let (context, tenant) = (&self.context, self.world.tenant);
        let size = PageSize::default();
        let listed = list_deliveries(context, tenant, endpoint.id, None, None, size).await;
        let page = listed.unwrap().0;
        page.items.iter().map(|it| it.state).collect()
    }
}

#[tokio::test]
async fn a_receiver_that_only_answers_500_for_two_days_gets_everything_in_order_afterwards() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(5).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(rejected(500));
    for _ in 0..4 {
        hooks.publish(&orders).await;
    }
    hooks.pass(48).await;
    let failing = hooks.find(&endpoint).await;
    assert!(failing.failing_since.is_some());
    assert_eq!(failing.status, EndpointStatus::Enabled);
    hooks.receiver.answer(Outcome::Delivered);
    // The first two events were rejected before the third showed that it is the receiver.
    hooks.pass(24).await;
    let (feed, accepted) = (hooks.feed().await, hooks.receiver.accepted());
    assert_eq!((feed.len(), accepted.len()), (20, 20));
    for order in orders {
        assert_eq!(of_order(&accepted, order), of_order(&feed, order));
    }
    assert_eq!(hooks.states(&endpoint).await, []);
}

#[tokio::test]
async fn events_that_come_one_by_one_also_show_that_the_receiver_is_broken() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(rejected(500));
    for (order, is_failing) in orders.into_iter().zip([false, false, true]) {
        hooks.publish(&[order]).await;
        hooks.deliver().await;
        let found = hooks.find(&endpoint).await;
        assert_eq!(found.failing_since.is_some(), is_failing);
    }
}

#[tokio::test]
async fn an_event_that_breaks_the_receiver_does_not_keep_the_others_back() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let endpoint = hooks.endpoint().await;
    hooks.receiver.answer(rejected(503));
    hooks.publish(&orders).await;
    hooks.deliver().await;
    assert!(hooks.find(&endpoint).await.failing_since.is_some());
    let feed = hooks.feed().await;
    // The receiver is there again, but the oldest event breaks it.
    hooks.receiver.answer(Outcome::Delivered);
    hooks.receiver.answer_to(&feed[0], rejected(503));
    hooks.pass(1).await;
    let accepted = hooks.receiver.accepted();
    assert_eq!(accepted.len(), 2, "nothing is sent twice");
    assert!(accepted.iter().all(|id| feed[1..].contains(id)));
    // Once another event has shown that the receiver answers, the one that breaks it counts for itself.
    hooks.publish(&orders[1..2]).await;
    hooks.pass(100).await;
    assert_eq!(hooks.receiver.accepted().len(), 3);
    assert_eq!(hooks.states(&endpoint).await, [DeliveryState::Exhausted]);
    assert_eq!(hooks.find(&endpoint).await.failing_since, None);
}

#[tokio::test]
async fn new_events_do_not_wait_for_the_retry_of_another() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&orders[..1]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    assert_eq!(hooks.states(&endpoint).await, [DeliveryState::Retrying]);
    hooks.publish(&orders[1..]).await;
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), hooks.feed().await[1..]);
    assert_eq!(hooks.receiver.tries_of(&feed[0]), 1);
}

#[tokio::test]
async fn an_endpoint_that_goes_back_gets_everything_again_in_order() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks
        .publish(&[orders[0], orders[1], orders[0], orders[1]])
        .await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    let stored = [DeliveryState::Retrying, DeliveryState::Behind];
    assert_eq!(hooks.states(&endpoint).await, stored);
    hooks.receiver.answer_to(&feed[0], Outcome::Delivered);
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    let from = Some(FeedStart::Earliest);
    let enabled = enable_endpoint(context, tenant, endpoint.id, &ANY, from).await;
    assert_eq!(enabled.unwrap().position, 0);
    hooks.deliver().await;
    let again = &hooks.receiver.accepted()[2..];
    assert_eq!(again.len(), 4);
    for order in orders {
        assert_eq!(of_order(again, order), of_order(&feed, order));
    }
    assert_eq!(hooks.states(&endpoint).await, []);
}

#[tokio::test]
async fn what_waited_is_sent_when_the_order_no_longer_matters() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0], orders[0], orders[0]]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), Vec::<String>::new());
    let change = EndpointChange {
        ordering: Some(Ordering::Unordered),
        ..EndpointChange::default()
    };
    let (context, tenant) = (&hooks.context, hooks.world.tenant);
    change_endpoint(context, tenant, endpoint.id, &ANY, change)
        .await
        .unwrap();
    hooks.deliver().await;
    assert_eq!(hooks.receiver.accepted(), feed[1..]);
    assert_eq!(hooks.states(&endpoint).await, [DeliveryState::Retrying]);
}

#[tokio::test]
async fn only_what_was_given_up_long_ago_is_deleted() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(2).await;
    let endpoint = hooks.endpoint().await;
    hooks.publish(&[orders[0]]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[0], rejected(422));
    hooks.pass(120).await;
    hooks.publish(&[orders[1]]).await;
    let feed = hooks.feed().await;
    hooks.receiver.answer_to(&feed[1], rejected(422));
    hooks.deliver().await;
    let both = [DeliveryState::Exhausted, DeliveryState::Retrying];
    assert_eq!(hooks.states(&endpoint).await, both);
    let age = "UPDATE events.deliveries SET updated_at = now() - interval '40 days',
        given_up_at = given_up_at - interval '40 days' - (given_up_at - now())";
    hooks.world.run_sql(age).await;
    let connection = &mut *hooks.world.pool.acquire().await.unwrap();
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(purge_deliveries(connection, month).await.unwrap(), 1);
    assert_eq!(hooks.states(&endpoint).await, [DeliveryState::Retrying]);
}
