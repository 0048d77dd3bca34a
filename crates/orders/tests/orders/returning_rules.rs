//! Windows, settings, expiry, erasure and keys of returns.

use oms_database::transaction;
use oms_fulfilment::{FulfilmentError, RequestedBy, ReturnRefusal, ReturnStatus, ShipmentStatus};
use oms_orders::{
    OrderStatus, RequestedDecision, RequestedReturn, ReturningError, ReturnsPass, decide_return,
    find_returnable, request_return, settle_returns,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::Once;

use crate::returning::{APPROVE, DAY, note, refusal, restocked, units};
use crate::shipping::key;
use crate::shop::{Opening, Shop, tenant, usd};

async fn shop_at_noon() -> Shop {
    Shop::open_as(Opening {
        confirm: Confirm::Pays,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await
}

#[tokio::test]
async fn the_window_binds_customers_and_operators_pass_it_with_a_reason() {
    let shop = shop_at_noon().await;
    let order_id = shop.delivered("k", 2).await;
    shop.pass(DAY * 20);
    let later = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.pass(DAY * 11);
    // Two units were delivered 31 days ago. The third was sent 11 days ago, and nobody reported its delivery.
    let returnable = find_returnable(&shop.context, tenant(), order_id)
        .await
        .unwrap();
    let line = &returnable[0];
    assert_eq!((line.returnable, line.open, line.credit), (3, 1, usd(300)));
    let ends = later.shipped_at.unwrap() + chrono::TimeDelta::days(37);
    assert_eq!(line.window_ends, Some(ends));
    let late = shop.request(order_id, &units(1, 2)).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { line: 1, open: 1 })),
        "{late:?}"
    );
    let by_operator = RequestedReturn {
        requested_by: RequestedBy::Operator,
        ..units(1, 2)
    };
    let late = shop.request(order_id, &by_operator).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { .. })),
        "{late:?}"
    );
    let with_reason = RequestedReturn {
        override_reason: Some(note("a good customer")),
        ..by_operator
    };
    let it = shop.request(order_id, &with_reason).await.unwrap();
    assert_eq!(it.override_reason, Some(note("a good customer")));
    let late = shop.request(order_id, &units(1, 1)).await;
    assert!(
        matches!(late, Err(ReturningError::WindowClosed { open: 0, .. })),
        "{late:?}"
    );
    shop.set_returns(r#"{"windowDays": 60, "anchor": "shipped"}"#)
        .await;
    shop.request(order_id, &units(1, 1)).await.unwrap();
    shop.assert_sound().await;
}

#[tokio::test]
async fn settings_decide_about_approval_credit_fee_and_shipping_and_hold_for_a_return_as_they_were()
{
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    shop.set_returns(
        r#"{"autoApprove": true, "creditOn": "approved", "restockingFeePpm": 100000}"#,
    )
    .await;
    let it = shop.request(order_id, &units(1, 1)).await.unwrap();
    assert_eq!(
        (it.status, it.lines[0].accepted),
        (ReturnStatus::Approved, 1)
    );
    assert_eq!(it.warehouse_id, Some(shop.only_warehouse().await));
    assert_eq!(shop.refunds().await, "refunded 90");
    shop.set_returns(r#"{"autoApprove": false, "creditOn": "manual"}"#)
        .await;
    shop.receive(it.id, restocked(1)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 90");
    let cancelled = shop.decide(it.id, RequestedDecision::Cancel(None)).await;
    assert_eq!(
        refusal(cancelled),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    let id = shop.approved(order_id, 1).await;
    shop.set_returns(r#"{"creditOn": "received"}"#).await;
    shop.receive(id, restocked(1)).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 90");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [210, 210, 0])
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_return_of_which_nothing_arrives_in_time_is_closed() {
    let shop = shop_at_noon().await;
    let order_id = shop.delivered("k", 3).await;
    let (silent, begun) = (
        shop.approved(order_id, 1).await,
        shop.approved(order_id, 2).await,
    );
    shop.receive(begun, restocked(1)).await.unwrap();
    let mut pass = ReturnsPass::default();
    shop.pass(DAY * 29);
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .expired,
        0
    );
    shop.pass(DAY * 2);
    let turn = settle_returns(&shop.context, &mut pass).await.unwrap();
    assert_eq!((turn.expired, turn.more), (1, false));
    assert_eq!(
        settle_returns(&shop.context, &mut pass)
            .await
            .unwrap()
            .expired,
        0
    );
    let late = shop.receive(silent, restocked(1)).await;
    assert_eq!(
        refusal(late),
        ReturnRefusal::WrongStatus(ReturnStatus::Closed)
    );
    shop.receive(begun, restocked(1)).await.unwrap();
    let until = RequestedDecision::Approve {
        warehouse_id: None,
        expires_at: Some(shop.clock.as_ref().unwrap().time() + chrono::TimeDelta::days(366)),
    };
    let with_reason = RequestedReturn {
        requested_by: RequestedBy::Operator,
        override_reason: Some(note("it came late")),
        ..units(1, 1)
    };
    let id = shop.request(order_id, &with_reason).await.unwrap().id;
    let refused = shop.decide(id, until).await;
    assert!(
        matches!(refused, Err(ReturningError::InvalidExpiry)),
        "{refused:?}"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn texts_of_returns_are_erased_and_refused_afterwards() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let with_note = RequestedReturn {
        note: Some(note("call me at 555-0100")),
        ..units(1, 1)
    };
    let id = shop.request(order_id, &with_note).await.unwrap().id;
    let decline = || RequestedDecision::Decline(note("ask Ann"));
    shop.decide(id, decline()).await.unwrap();
    let erased = format!("UPDATE orders.orders SET erased_at = now() WHERE id = '{order_id}'");
    let mut connection = shop.database.connect().await;
    let erasing = transaction(&mut connection, async |connection| {
        oms_fulfilment::erase_addresses(connection, tenant(), &[order_id]).await
    });
    erasing.await.unwrap();
    shop.execute(&erased).await;
    let texts = "SELECT count(*) FROM fulfilment.returns
                 WHERE note IS NOT NULL OR override_reason IS NOT NULL OR decision_reason IS NOT NULL";
    assert_eq!(shop.text(texts).await, "0");
    let told = "SELECT count(*) FROM orders.events
                WHERE reason LIKE '%555%' OR data::text LIKE '%555%' OR reason LIKE '%Ann%'";
    assert_eq!(shop.text(told).await, "0");
    let refused = shop.request(order_id, &with_note).await;
    assert!(
        matches!(refused, Err(ReturningError::Erased(_))),
        "{refused:?}"
    );
    let id = shop.request(order_id, &units(1, 1)).await.unwrap().id;
    let refused = shop.decide(id, decline()).await;
    assert!(
        matches!(refused, Err(ReturningError::Erased(_))),
        "{refused:?}"
    );
    shop.decide(id, RequestedDecision::Cancel(None))
        .await
        .unwrap();
    assert_eq!(shop.text(texts).await, "0");
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.delivered("k", 3).await;
    let request = async |requested: &RequestedReturn| {
        let key = key("r");
        request_return(&shop.context, tenant(), order_id, &key, requested, "api").await
    };
    let Once::Now(it) = request(&units(1, 1)).await.unwrap() else {
        panic!("not new");
    };
    assert_eq!(
        request(&units(1, 1)).await.unwrap(),
        Once::Before(it.clone())
    );
    let other = request(&units(1, 2)).await;
    assert!(
        matches!(
            other,
            Err(ReturningError::Order(oms_orders::OrderError::KeyReused))
        ),
        "{other:?}"
    );
    let stale = oms_validation::ExpectedVersion::OneOf(vec![7]);
    let approved = decide_return(
        &shop.context,
        tenant(),
        it.id,
        &stale,
        &APPROVE,
        None,
        "api",
    )
    .await;
    let is_stale = matches!(
        approved,
        Err(ReturningError::Fulfilment(FulfilmentError::Changed {
            version: 1
        }))
    );
    assert!(is_stale, "{approved:?}");
}
