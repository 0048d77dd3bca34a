//! Currencies of which the gateway can't express the smallest unit: sums are rounded down to its step.

use oms_fulfilment::ShipmentStatus;
use oms_orders::{
    Adjustment, AdjustmentKind, AdjustmentScope, Cancellation, Disputed, OrderRequest, OrderStatus,
    PlacedOrder, Refunded, RefundedOrder, RequestedCredit, RequestedParts, RequestedPricing,
    RequestedRefund, ReversingError, cancel_unshipped, deliver_shipment, get_order, place_order,
    refund_order,
};
use oms_payments::DisputeState;
use oms_testing::gateway::Confirm;
use oms_validation::{Currency, IdempotencyKey, Money, OrderId};

use crate::elsewhere::{reference, report};
use crate::returning::restocked;
use crate::shipping::ANY;
use crate::shop::{Shop, tenant, three_pieces};

fn kwd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("KWD").unwrap(),
    }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

/// Places a paid order of three units, for 10.010 dinars in all: 3.336 each.
async fn paid(shop: &Shop) -> OrderId {
    let sell = format!(
        "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
             SELECT tenant_id, product_id, 'KWD', 3340 FROM inventory.prices;
         INSERT INTO orders.settings (tenant_id, version, document, actor)
             VALUES ('{}', 1, '{{\"currencies\": [\"KWD\"]}}', 'x')",
        tenant()
    );
    shop.execute(&sell).await;
    let discount = Adjustment {
        kind: AdjustmentKind::Discount,
        scope: AdjustmentScope::Order,
        amount_minor: -10,
        included: false,
        label: "x".to_owned(),
        code: None,
        rate_ppm: None,
    };
    let pricing = RequestedPricing {
        adjustments: vec![discount],
        expected_total: Some(kwd(10_010)),
        ..RequestedPricing::default()
    };
    let request = OrderRequest {
        pricing,
        ..three_pieces()
    };
    match place_order(&shop.context, tenant(), &key("k"), &request, "api").await {
        Ok(PlacedOrder::Paid(order)) => order.id,
        other => panic!("not paid: {other:?}"),
    }
}

async fn refund(
    shop: &Shop,
    order_id: OrderId,
    name: &str,
    (quantity, amount): (Option<i32>, Option<i64>),
) -> Result<i64, ReversingError> {
    let parts = RequestedParts {
        lines: vec![RequestedCredit {
            line: 1,
            quantity,
            amount: amount.map(kwd),
        }],
        ..RequestedParts::default()
    };
    let request = RequestedRefund {
        what: Refunded::Parts(parts),
        reason: None,
        disputed: Disputed::Refuse,
    };
    let name = key(name);
    let refunded = refund_order(&shop.context, tenant(), order_id, &name, &request, "api").await;
    refunded.map(|refunded| match refunded {
        RefundedOrder::Refunded(refund, _) => refund.amount.amount_minor,
        other => panic!("not refunded: {other:?}"),
    })
}

async fn ledger(shop: &Shop, order_id: OrderId) -> (i64, i64, i64) {
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    let ledger = details.ledger();
    (
        ledger.owed.amount_minor,
        ledger.held.amount_minor,
        ledger.balance.amount_minor,
    )
}

#[tokio::test]
async fn units_are_refunded_rounded_down_and_the_rest_with_what_is_left_of_the_line() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop).await;
    let unit = (Some(1), None);
    for (name, amount) in [("a", 3330), ("b", 3330)] {
        assert_eq!(refund(&shop, order_id, name, unit).await.unwrap(), amount);
    }
    // An amount that the request names is not changed.
    let named = refund(&shop, order_id, "c", (None, Some(3336))).await;
    assert!(
        matches!(named, Err(ReversingError::AmountNotAccepted(_))),
        "{named:?}"
    );
    let rest = refund(&shop, order_id, "d", (None, None)).await;
    assert_eq!(rest.unwrap(), 10_010 - 2 * 3330);
    assert_eq!(ledger(&shop, order_id).await, (0, 0, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn what_is_not_shipped_is_cancelled_in_steps_of_the_gateway() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop).await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let cancelled = cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api").await;
    let Cancellation::Done(details) = cancelled.unwrap().into_inner() else {
        panic!("in progress");
    };
    assert_eq!(details.order.status, OrderStatus::Paid);
    // Two units cost 10010 - 3336 = 6674.
    assert_eq!(shop.refunds().await, "refunded 6670");
    assert_eq!(ledger(&shop, order_id).await, (3340, 3340, 0));
    assert_eq!(shop.level().await, "9 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_rest_that_the_gateway_can_not_express_keeps_no_order_open() {
    for cancels in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = paid(&shop).await;
        // A bank takes an amount that the gateway can't refund.
        let (payment, taken) = (reference(order_id), kwd(4006));
        shop.gateway.dispute(&payment, taken, DisputeState::Lost);
        report(&shop, "charge.dispute.closed", order_id).await;
        assert_eq!(ledger(&shop, order_id).await, (6004, 6004, 0));
        let ended = match cancels {
            true => match shop.cancel(order_id).await.unwrap() {
                Cancellation::Done(details) => details.order.status,
                other @ Cancellation::InProgress(_) => panic!("{other:?}"),
            },
            false => match shop.refund(order_id, "all", None).await.unwrap() {
                RefundedOrder::Refunded(_, status) => status,
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(shop.refunds().await, "refunded 4006, refunded 6000");
        assert_eq!(shop.level().await, "10 0");
        let (expected, books) = match cancels {
            // The merchant keeps what it owes: the gateway can't pay it out.
            true => (OrderStatus::Cancelled, (0, 4, -4)),
            false => (OrderStatus::Refunded, (4, 4, 0)),
        };
        assert_eq!(ended, expected);
        assert_eq!(ledger(&shop, order_id).await, books);
        if !cancels {
            let again = shop.refund(order_id, "all", None).await;
            let is_replayed = matches!(again, Ok(RefundedOrder::RefundedBefore(..)));
            assert!(is_replayed, "{again:?}");
        }
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn an_order_of_which_less_than_a_step_is_left_is_refunded() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop).await;
    let payment = reference(order_id);
    shop.gateway
        .dispute(&payment, kwd(10_006), DisputeState::Lost);
    report(&shop, "charge.dispute.closed", order_id).await;
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.order.status, OrderStatus::Refunded);
    assert_eq!(ledger(&shop, order_id).await, (4, 4, 0));
    assert_eq!(shop.level().await, "10 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_that_come_back_one_by_one_are_refunded_to_the_last_fils() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop).await;
    let shipped = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    let shipment = shipped.unwrap().id;
    deliver_shipment(&shop.context, tenant(), shipment, ANY, None, None, "api")
        .await
        .unwrap();
    for held in [6680, 3340, 0] {
        let id = shop.approved(order_id, 1).await;
        shop.receive(id, restocked(1)).await.unwrap();
        assert_eq!(ledger(&shop, order_id).await, (held, held, 0));
    }
    let refunds = "refunded 3330, refunded 3340, refunded 3340";
    assert_eq!(shop.refunds().await, refunds);
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.order.status, OrderStatus::Refunded);
    shop.assert_sound().await;
}
