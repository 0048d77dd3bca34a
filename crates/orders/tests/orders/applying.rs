//! Gateway events are applied once, whenever they arrive.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use oms_orders::{
    AppliedEvents, OrderContext, OrderSettings, PlacedOrder, apply_gateway_events, sweep_orders,
};
use oms_payments::{
    DeclineCode, EventRelevance, GatewayEventId, GatewayFault, NewGatewayEvent, Operation,
    PaymentStatus, Received, Reference, receive_gateway_event,
};
use oms_testing::gateway::Confirm;
use oms_validation::{OrderId, TenantId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Shop, other_tenant, settings, tenant};

const HOUR: Duration = Duration::from_secs(3600);

/// The summary of a turn that finished one event with each of these outcomes.
fn done(outcomes: &[&'static str]) -> AppliedEvents {
    let mut applied = AppliedEvents::default();
    for outcome in outcomes {
        *applied.done.entry(outcome).or_default() += 1;
    }
    applied
}

async fn apply(shop: &Shop) -> AppliedEvents {
    apply_gateway_events(&shop.context).await.unwrap()
}

fn reference(order_id: OrderId) -> Reference {
    Reference::parse(&format!("pi_{}", order_id.as_uuid().simple())).unwrap()
}

/// The gateway reports an event about an order's payment.
async fn report(shop: &Shop, event_id: &str, order_id: OrderId) {
    report_to(shop, tenant(), event_id, order_id).await;
}

async fn report_to(shop: &Shop, tenant: TenantId, event_id: &str, order_id: OrderId) {
    let event = NewGatewayEvent {
        gateway: "scripted".to_owned(),
        id: GatewayEventId::parse(event_id).unwrap(),
        kind: "payment.changed".to_owned(),
        relevance: EventRelevance::Relevant,
        reference: Some(reference(order_id)),
        order_id: Some(order_id),
        tenant_id: Some(tenant),
        created_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
    };
    let mut connection = shop.database.connect().await;
    let received = receive_gateway_event(&mut connection, tenant, &event).await;
    assert_eq!(received.unwrap(), Received::Stored);
}

/// Makes events due that were postponed or are claimed.
async fn make_due(shop: &Shop) {
    let sql = "UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL";
    shop.execute(sql).await;
}

/// `id tries outcome` of each event.
async fn events(shop: &Shop) -> String {
    let sql = "SELECT string_agg(concat_ws(' ', event_id, tries, coalesce(outcome, 'due')), ', ' ORDER BY event_id)
               FROM payments.gateway_events";
    shop.text(sql).await
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_paid_by_one_of_many_events() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    report(&shop, "evt_1", order_id).await;
    report(&shop, "evt_2", order_id).await;
    assert_eq!(apply(&shop).await, done(&["paid", "superseded"]));
    report(&shop, "evt_3", order_id).await;
    assert_eq!(apply(&shop).await, done(&["superseded"]));
    assert_eq!(apply(&shop).await, AppliedEvents::default());
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/webhook paid 0"
    );
    // One lookup for the two events that were applied together, and none for a settled order.
    assert_eq!(shop.gateway.calls_of(Operation::Lookup), 1);
    assert!(matches!(
        shop.order("k").await,
        Ok(PlacedOrder::PaidBefore(_))
    ));
}

#[tokio::test]
async fn an_event_about_an_unknown_payment_is_finished_immediately() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    report(&shop, "evt_1", OrderId::generate()).await;
    report_to(&shop, other_tenant(), "evt_1", order_id).await;
    let unknown = done(&["unknown_reference", "unknown_reference"]);
    assert_eq!(apply(&shop).await, unknown);
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api unknown 1"
    );
    assert_eq!(shop.gateway.calls_of(Operation::Lookup), 0);
}

#[tokio::test]
async fn an_event_never_cancels_a_payment_that_may_still_be_confirmed() {
    let shop = Shop::open(Confirm::IsLost).await;
    let order_id = shop.pending("k").await;
    for (number, status) in [
        PaymentStatus::NotConfirmed,
        PaymentStatus::NeedsAction,
        PaymentStatus::Authorised,
        PaymentStatus::Processing,
    ]
    .into_iter()
    .enumerate()
    {
        shop.gateway.set(&reference(order_id), status);
        report(&shop, &format!("evt_{number}"), order_id).await;
        assert_eq!(apply(&shop).await, done(&["pending"]));
    }
    assert_eq!(shop.gateway.calls_of(Operation::Cancel), 0);
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api processing 1"
    );
}

#[tokio::test]
async fn a_decline_is_fenced_and_a_cancellation_is_trusted() {
    for (status, attempt, cancels) in [
        (
            PaymentStatus::Declined {
                code: DeclineCode::new("insufficient_funds"),
            },
            "declined",
            1,
        ),
        (PaymentStatus::Cancelled, "voided", 0),
    ] {
        let shop = Shop::open(Confirm::IsLost).await;
        let order_id = shop.pending("k").await;
        shop.gateway.set(&reference(order_id), status);
        report(&shop, "evt_1", order_id).await;
        assert_eq!(apply(&shop).await, done(&["failed"]));
        assert_eq!(shop.gateway.calls_of(Operation::Cancel), cancels);
        assert_eq!(
            shop.state().await,
            format!("FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/webhook {attempt} 0")
        );
    }
}

#[tokio::test]
async fn an_order_that_needs_an_operator_is_due_for_the_sweeper_immediately() {
    let in_an_hour = OrderSettings {
        sweep_after: HOUR,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::Overcharges, in_an_hour).await;
    let order_id = shop.pending("k").await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().tries(), 0);
    report(&shop, "evt_1", order_id).await;
    assert_eq!(apply(&shop).await, done(&["left_to_sweeper"]));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    report(&shop, "evt_2", order_id).await;
    assert_eq!(apply(&shop).await, done(&["left_to_person"]));
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
}

#[tokio::test]
async fn an_order_between_several_steps_is_due_for_the_sweeper_immediately() {
    for status in ["CANCELLING", "REFUNDING"] {
        let shop = Shop::open(Confirm::PaysSilently).await;
        let order_id = shop.pending("k").await;
        let later = format!(
            "UPDATE orders.orders SET status = '{status}';
             UPDATE orders.reconciliations SET due_at = now() + interval '1 hour'"
        );
        shop.execute(&later).await;
        report(&shop, "evt_1", order_id).await;
        assert_eq!(apply(&shop).await, done(&["left_to_sweeper"]));
        let due = "SELECT count(*) FROM orders.reconciliations WHERE due_at <= now()";
        assert_eq!(shop.text(due).await, "1", "{status}");
        assert_eq!(shop.gateway.calls_of(Operation::Lookup), 0);
    }
}

#[tokio::test]
async fn an_event_settles_an_order_that_the_sweeper_has_given_up_on() {
    let one_try = OrderSettings {
        sweep_max_tries: 1,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::PaysSilently, one_try).await;
    let order_id = shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.fail_lookups(None);
    report(&shop, "evt_1", order_id).await;
    assert_eq!(apply(&shop).await, done(&["paid"]));
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper,3:PAID/webhook paid 0"
    );
    assert_eq!(shop.dead_letters().await, "1 ended webhook + 1 alerts");
}

#[tokio::test]
async fn an_event_is_given_up_after_ten_tries_while_the_gateway_is_silent() {
    let patient = OrderSettings {
        sweep_backoff: (HOUR, HOUR),
        ..settings()
    };
    let shop = Shop::open_with(Confirm::PaysSilently, patient).await;
    let order_id = shop.pending("k").await;
    report(&shop, "evt_1", order_id).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    for tries in 1..10 {
        assert_eq!(apply(&shop).await.postponed, 1);
        assert_eq!(events(&shop).await, format!("evt_1 {tries} due"));
        // It is not due yet.
        assert_eq!(apply(&shop).await, AppliedEvents::default());
        make_due(&shop).await;
    }
    assert_eq!(apply(&shop).await, done(&["given_up"]));
    assert_eq!(events(&shop).await, "evt_1 10 given_up");
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api unknown 1"
    );
}

#[tokio::test]
async fn a_call_that_the_breaker_refuses_is_not_a_try() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    report(&shop, "evt_1", order_id).await;
    shop.gateway.fail_lookups(Some(GatewayFault::BreakerOpen));
    let refused = AppliedEvents {
        refused: 1,
        ..AppliedEvents::default()
    };
    for _ in 0..12 {
        assert_eq!(apply(&shop).await, refused);
        make_due(&shop).await;
    }
    assert_eq!(events(&shop).await, "evt_1 0 due");
    shop.gateway.set_available(false);
    assert_eq!(apply(&shop).await, AppliedEvents::default());
    assert_eq!(events(&shop).await, "evt_1 0 due");
    shop.gateway.set_available(true);
    shop.gateway.fail_lookups(None);
    assert_eq!(apply(&shop).await, done(&["paid"]));
}

#[tokio::test]
async fn an_event_that_makes_the_program_panic_delays_no_other() {
    let shop = Shop::open(Confirm::PaysSilently).await;
    let (poisoned, other) = (shop.pending("k1").await, shop.pending("k2").await);
    shop.gateway.poison(reference(poisoned));
    report(&shop, "evt_1", poisoned).await;
    report(&shop, "evt_2", other).await;
    let applied = AppliedEvents {
        postponed: 1,
        ..done(&["paid"])
    };
    assert_eq!(apply(&shop).await, applied);
    assert_eq!(events(&shop).await, "evt_1 1 due, evt_2 1 paid");
}

#[tokio::test]
async fn a_full_batch_reports_that_there_may_be_more() {
    let two = OrderSettings {
        sweep_batch: 2,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::PaysSilently, two).await;
    for number in 0..3 {
        let order_id = shop.pending(&format!("k{number}")).await;
        report(&shop, &format!("evt_{number}"), order_id).await;
    }
    let first = AppliedEvents {
        more_due: true,
        ..done(&["paid", "paid"])
    };
    assert_eq!(apply(&shop).await, first);
    assert_eq!(apply(&shop).await, done(&["paid"]));
}

/// The event arrives before the answer to the confirmation. Whichever is first settles the order, and the buyer sees it
/// as paid either way.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_arrives_before_the_answer_settles_the_order() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    let order_id = shop.text("SELECT id FROM orders.orders").await;
    let order_id: OrderId = order_id.parse().unwrap();
    let payment = reference(order_id);
    let amount = shop.gateway.asked(&payment);
    shop.gateway.set(&payment, PaymentStatus::Paid { amount });
    report(&shop, "evt_1", order_id).await;
    assert_eq!(apply(&shop).await, done(&["paid"]));

    shop.gateway.release(Operation::Confirm, 1);
    let answer = buyer.await.unwrap();
    assert!(matches!(answer, Ok(PlacedOrder::Paid(_))), "{answer:?}");
    assert_eq!(shop.gateway.charges(), 1);
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/webhook paid 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_changes_nothing_while_the_confirmation_is_in_flight() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    let order_id = shop.text("SELECT id FROM orders.orders").await;
    report(&shop, "evt_1", order_id.parse().unwrap()).await;
    assert_eq!(apply(&shop).await, done(&["pending"]));
    shop.gateway.release(Operation::Confirm, 1);
    let answer = buyer.await.unwrap();
    assert!(matches!(answer, Ok(PlacedOrder::Paid(_))), "{answer:?}");
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PAID/api paid 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_concurrent_appliers_and_sweepers_settles_the_order() {
    const EACH: usize = 4;
    let shop = Shop::open(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    for number in 0..EACH {
        report(&shop, &format!("evt_{number}"), order_id).await;
    }
    let barrier = Arc::new(Barrier::new(2 * EACH));
    let mut racers = JoinSet::new();
    for number in 0..2 * EACH {
        let (barrier, context): (_, Arc<OrderContext>) = (barrier.clone(), shop.context.clone());
        racers.spawn(async move {
            barrier.wait().await;
            match number < EACH {
                true => {
                    let applied = apply_gateway_events(&context).await.unwrap();
                    applied.done.get("paid").copied().unwrap_or_default()
                }
                false => sweep_orders(&context).await.unwrap().paid as u64,
            }
        });
    }
    let ended: u64 = racers.join_all().await.into_iter().sum();
    assert_eq!(ended, 1);
    let sequence = "SELECT max(sequence) FROM orders.events";
    assert_eq!(shop.text(sequence).await, "2");
    let open = "SELECT count(*) FROM payments.gateway_events WHERE applied_at IS NULL";
    assert_eq!(shop.text(open).await, "0");
}
