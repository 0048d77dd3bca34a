//! Payments that the customer must finish, and other methods for an order whose stock is held.

use std::sync::Arc;
use std::time::Duration;

use oms_errors::Problem;
use oms_orders::{
    DeclinePolicy, NotPaid, OrderError, OrderSettings, PayingError, PaymentAction, PendingOrder,
    PlacedOrder, PlacingError, SweepSummary, check_payment, pay_order, sweep_orders,
};
use oms_payments::{
    AttemptState, DeclineCode, GatewayFault, Operation, PaymentInstruction, PaymentMethod,
    PaymentStatus, Reference,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Confirm, customer_action};
use oms_validation::{IdempotencyKey, Once, OrderId};

use crate::shop::{Opening, Shop, settings, tenant};

const MINUTE: Duration = Duration::from_secs(60);

pub fn hold() -> OrderSettings {
    OrderSettings {
        decline_policy: DeclinePolicy::Hold,
        pending_payment_deadline: 15 * MINUTE,
        ..settings()
    }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

pub fn method(token: &str) -> PaymentInstruction {
    PaymentMethod::parse_token(token).unwrap().into()
}

pub fn reference(order_id: OrderId, attempt: i32) -> Reference {
    let order = order_id.as_uuid().simple();
    let name = match attempt {
        1 => format!("pi_{order}"),
        number => format!("pi_{order}_{number}"),
    };
    Reference::parse(&name).unwrap()
}

async fn pay(shop: &Shop, order_id: OrderId, with: &str) -> Result<Once<PlacedOrder>, PayingError> {
    let (key, method) = (key(with), method("pm_card_mastercard"));
    pay_order(&shop.context, tenant(), order_id, &key, &method, "api").await
}

async fn check(shop: &Shop, order_id: OrderId, with: &str) -> Result<PlacedOrder, PayingError> {
    let checked = check_payment(&shop.context, tenant(), order_id, &key(with), "api").await;
    checked.map(Once::into_inner)
}

/// `status reserved, number state …` of the only order.
async fn state(shop: &Shop) -> String {
    let sql = "
        SELECT concat_ws(', ', o.status || ' ' || s.reserved,
            (SELECT string_agg(a.number || ' ' || a.state, ', ' ORDER BY a.number) FROM payments.attempts a))
        FROM orders.orders o CROSS JOIN inventory.stock_levels s";
    shop.text(sql).await
}

/// An order whose payment was declined and whose stock is held.
async fn declined(shop: &Shop) -> OrderId {
    shop.gateway.confirms(Confirm::Declines);
    match shop.order("k").await {
        Err(PlacingError::NotPaid(NotPaid::Unpaid { order_id, .. })) => order_id,
        other => panic!("not held: {other:?}"),
    }
}

async fn asking(settings: OrderSettings) -> (Shop, OrderId) {
    let shop = Shop::open_with(Confirm::AsksTheCustomer, settings).await;
    let order_id = shop.pending("k").await;
    (shop, order_id)
}

#[tokio::test]
async fn a_declined_order_is_held_and_another_method_pays_it() {
    let shop = Shop::open_with(Confirm::Declines, hold()).await;
    let order_id = declined(&shop).await;
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 declined");
    let first = reference(order_id, 1);
    assert_eq!(shop.gateway.status(&first), PaymentStatus::Cancelled);

    let replay = shop.order("k").await.unwrap_err();
    let PlacingError::NotPaid(NotPaid::Unpaid { payment, .. }) = &replay else {
        panic!("not held: {replay:?}")
    };
    let actions = [PaymentAction::TryAnotherMethod, PaymentAction::Cancel];
    assert_eq!(payment.actions(), actions);
    let body = Problem::from(replay).body(None);
    assert_eq!(body["status"], 402);
    assert_eq!(body["code"], "orders.payment_declined");
    assert_eq!(body["orderStatus"], "PENDING_PAYMENT");
    assert_eq!(body["payment"]["state"], "declined");
    assert_eq!(body["payment"]["actions"][0], "try_another_method");
    assert!(body["payment"]["expiresAt"].is_string(), "{body}");

    shop.gateway.confirms(Confirm::Pays);
    let paid = pay(&shop, order_id, "p").await;
    assert!(
        matches!(paid, Ok(Once::Now(PlacedOrder::Paid(_)))),
        "{paid:?}"
    );
    assert_eq!(state(&shop).await, "PAID 3, 1 declined, 2 paid");
    assert_eq!(shop.gateway.charges(), 1);
    let again = pay(&shop, order_id, "p").await;
    assert!(matches!(again, Ok(Once::Before(_))), "{again:?}");
    let other = method("pm_card_amex");
    let reused = pay_order(&shop.context, tenant(), order_id, &key("p"), &other, "api").await;
    assert!(
        matches!(reused, Err(PayingError::Order(OrderError::KeyReused))),
        "{reused:?}"
    );
    assert_eq!(shop.gateway.charges(), 1);
}

#[tokio::test]
async fn by_default_a_decline_fails_the_order() {
    let shop = Shop::open(Confirm::Declines).await;
    let failed = shop.order("k").await.unwrap_err();
    let PlacingError::NotPaid(NotPaid::Failed { order_id, .. }) = failed else {
        panic!("not failed: {failed:?}")
    };
    assert_eq!(state(&shop).await, "FAILED 0, 1 declined");
    let refused = pay(&shop, order_id, "p").await.unwrap_err();
    assert_eq!(
        Problem::from(refused).body(None)["code"],
        "orders.not_payable"
    );
}

#[tokio::test]
async fn a_held_order_fails_at_its_deadline_and_not_before() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        confirm: Confirm::Declines,
        settings: hold(),
        clock: Some(clock),
        ..Opening::default()
    });
    let shop = shop.await;
    let order_id = declined(&shop).await;
    shop.pass(14 * MINUTE);
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 declined");

    shop.pass(MINUTE);
    let late = pay(&shop, order_id, "p").await.unwrap_err();
    assert!(matches!(late, PayingError::Expired(_)), "{late:?}");
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    assert_eq!(state(&shop).await, "FAILED 0, 1 declined");
    let failure = shop.text("SELECT failure_code FROM orders.orders").await;
    assert_eq!(failure, "payment_declined:insufficient_funds");
    let replay = shop.order("k").await;
    assert!(
        matches!(replay, Err(PlacingError::NotPaid(NotPaid::Failed { .. }))),
        "{replay:?}"
    );
}

#[tokio::test]
async fn a_customer_who_never_acts_is_fenced_at_the_deadline() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        confirm: Confirm::AsksTheCustomer,
        settings: hold(),
        clock: Some(clock),
        ..Opening::default()
    });
    let shop = shop.await;
    let order_id = shop.pending("k").await;
    // However rarely the sweeper looks at a waiting order, it does so at the deadline.
    for _ in 0..15 {
        assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 needs_action");
        shop.pass(MINUTE);
        sweep_orders(&shop.context).await.unwrap();
    }
    assert_eq!(state(&shop).await, "FAILED 0, 1 voided");
    let first = reference(order_id, 1);
    assert_eq!(shop.gateway.status(&first), PaymentStatus::Cancelled);
}

#[tokio::test]
async fn the_customers_next_action_is_kept_until_it_is_done() {
    let (shop, order_id) = asking(settings()).await;
    let action = customer_action(&reference(order_id, 1));
    for replayed in [false, true] {
        let pending: PendingOrder = match shop.order("k").await {
            Ok(PlacedOrder::PendingBefore(order)) => order,
            other => panic!("not pending, {replayed}: {other:?}"),
        };
        let payment = pending.payment.unwrap();
        assert_eq!(payment.attempt.state, AttemptState::NeedsAction);
        assert_eq!(payment.attempt.customer_action.as_deref(), Some(&action));
    }
    let stored = "SELECT count(customer_action) FROM payments.attempts";
    assert_eq!(shop.text(stored).await, "1");
    let calls = "SELECT string_agg(outcome, ' ' ORDER BY called_at) FROM payments.gateway_calls";
    assert_eq!(shop.text(calls).await, "prepared needs_action");
    let leaks =
        "SELECT count(*) FROM payments.gateway_calls c WHERE to_jsonb(c)::text LIKE '%hush%'";
    assert_eq!(shop.text(leaks).await, "0");

    shop.gateway.confirms(Confirm::Pays);
    assert!(pay(&shop, order_id, "p").await.is_ok());
    assert_eq!(shop.text(stored).await, "0");
}

#[tokio::test]
async fn an_abandoned_payment_is_cancelled_before_another_method_is_tried() {
    for settings in [settings(), hold()] {
        let (shop, order_id) = asking(settings).await;
        shop.gateway.confirms(Confirm::Pays);
        let paid = pay(&shop, order_id, "p").await;
        assert!(
            matches!(paid, Ok(Once::Now(PlacedOrder::Paid(_)))),
            "{paid:?}"
        );
        assert_eq!(state(&shop).await, "PAID 3, 1 voided, 2 paid");
        let first = reference(order_id, 1);
        assert_eq!(shop.gateway.status(&first), PaymentStatus::Cancelled);
        assert_eq!(shop.gateway.charges(), 1);
    }
}

#[tokio::test]
async fn a_payment_that_the_customer_has_finished_takes_precedence() {
    let (shop, order_id) = asking(hold()).await;
    let first = reference(order_id, 1);
    let amount = shop.gateway.asked(&first);
    shop.gateway.set(&first, PaymentStatus::Paid { amount });
    let paid = pay(&shop, order_id, "p").await;
    assert!(
        matches!(paid, Ok(Once::Now(PlacedOrder::PaidBefore(_)))),
        "{paid:?}"
    );
    assert_eq!(state(&shop).await, "PAID 3, 1 paid");
    assert_eq!(shop.gateway.charges(), 1);
}

#[tokio::test]
async fn no_attempt_starts_while_another_may_take_money() {
    let in_progress = |answer: Result<Once<PlacedOrder>, PayingError>| {
        let body = Problem::from(answer.unwrap_err()).body(None);
        assert_eq!(body["code"], "orders.payment_in_progress");
        assert_eq!(body["retryable"], true);
    };
    // The bank is processing it.
    let shop = Shop::open_with(Confirm::IsProcessed, hold()).await;
    let order_id = shop.pending("k").await;
    in_progress(pay(&shop, order_id, "p").await);
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 processing");

    // Its outcome is unknown.
    let (shop, order_id) = asking(hold()).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    in_progress(pay(&shop, order_id, "p").await);
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 needs_action");
    assert_eq!(
        shop.text("SELECT count(*) FROM orders.idempotency_keys")
            .await,
        "0"
    );
}

#[tokio::test]
async fn no_attempt_starts_while_the_previous_request_collects() {
    let shop = Arc::new(Shop::open_with(Confirm::Pays, hold()).await);
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    let order_id = shop.text("SELECT id FROM orders.orders").await;
    let early = pay(&shop, order_id.parse().unwrap(), "p")
        .await
        .unwrap_err();
    assert!(matches!(early, PayingError::InProgress(_)), "{early:?}");
    shop.gateway.release(Operation::Confirm, 1);
    assert!(matches!(buyer.await.unwrap(), Ok(PlacedOrder::Paid(_))));
    assert_eq!(shop.gateway.charges(), 1);
}

#[tokio::test]
async fn an_attempt_that_could_not_be_started_keeps_the_order_and_releases_its_key() {
    let (shop, order_id) = asking(settings()).await;
    shop.gateway
        .fail(Operation::Prepare, Some(GatewayFault::NoConnection));
    let refused = pay(&shop, order_id, "p").await.unwrap_err();
    assert_eq!(
        Problem::from(refused).body(None)["code"],
        "payments.gateway_unavailable"
    );
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 voided, 2 voided");
    shop.gateway.fail(Operation::Prepare, None);
    shop.gateway.confirms(Confirm::Pays);
    let paid = pay(&shop, order_id, "p").await;
    assert!(
        matches!(paid, Ok(Once::Now(PlacedOrder::Paid(_)))),
        "{paid:?}"
    );
    assert_eq!(state(&shop).await, "PAID 3, 1 voided, 2 voided, 3 paid");
}

#[tokio::test]
async fn an_order_has_a_limited_number_of_attempts() {
    let shop = Shop::open_with(Confirm::Declines, hold()).await;
    let order_id = declined(&shop).await;
    for attempt in 2..=10 {
        let unpaid = pay(&shop, order_id, &format!("p{attempt}"))
            .await
            .unwrap_err();
        let PayingError::NotPaid(NotPaid::Unpaid { payment, .. }) = unpaid else {
            panic!("not held: {unpaid:?}")
        };
        assert_eq!(payment.attempt.number, attempt);
    }
    let refused = pay(&shop, order_id, "p11").await.unwrap_err();
    assert_eq!(
        Problem::from(refused).body(None)["code"],
        "orders.too_many_payments"
    );
    assert_eq!(shop.gateway.charges(), 0);
}

#[tokio::test]
async fn an_order_does_not_wait_for_a_customer_who_is_done() {
    let declined = PaymentStatus::Declined {
        code: DeclineCode::new("payment_intent_authentication_failure"),
    };
    let (shop, order_id) = asking(settings()).await;
    let early = check(&shop, order_id, "c").await;
    assert!(matches!(early, Ok(PlacedOrder::Pending(_))), "{early:?}");
    let first = reference(order_id, 1);
    let amount = shop.gateway.asked(&first);
    shop.gateway.set(&first, PaymentStatus::Paid { amount });
    // The same key: the payment has changed in the meantime.
    let done = check(&shop, order_id, "c").await;
    assert!(matches!(done, Ok(PlacedOrder::PaidBefore(_))), "{done:?}");
    assert_eq!(state(&shop).await, "PAID 3, 1 paid");

    let (shop, order_id) = asking(settings()).await;
    shop.gateway.set(&reference(order_id, 1), declined.clone());
    let failed = check(&shop, order_id, "c").await;
    assert!(
        matches!(failed, Err(PayingError::NotPaid(NotPaid::Failed { .. }))),
        "{failed:?}"
    );
    assert_eq!(state(&shop).await, "FAILED 0, 1 declined");

    let (shop, order_id) = asking(hold()).await;
    shop.gateway.set(&reference(order_id, 1), declined);
    let held = check(&shop, order_id, "c").await;
    assert!(
        matches!(held, Err(PayingError::NotPaid(NotPaid::Unpaid { .. }))),
        "{held:?}"
    );
    assert_eq!(state(&shop).await, "PENDING_PAYMENT 3, 1 declined");
    assert_eq!(
        shop.gateway.status(&reference(order_id, 1)),
        PaymentStatus::Cancelled
    );
}

#[tokio::test]
async fn an_order_of_another_tenant_is_not_found() {
    let (shop, _) = asking(hold()).await;
    let nobody = OrderId::generate();
    let paid = pay(&shop, nobody, "p").await;
    assert!(
        matches!(paid, Err(PayingError::Order(OrderError::NotFound))),
        "{paid:?}"
    );
    let checked = check(&shop, nobody, "c").await;
    assert!(
        matches!(checked, Err(PayingError::Order(OrderError::NotFound))),
        "{checked:?}"
    );
    assert_eq!(
        shop.text("SELECT count(*) FROM orders.idempotency_keys")
            .await,
        "0"
    );
}
