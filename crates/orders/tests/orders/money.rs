//! Currencies, adjustments, and refunds of parts of an order.

use std::sync::Arc;

use oms_fulfilment::ShipmentStatus;
use oms_orders::{
    Adjustment, AdjustmentKind, AdjustmentScope, Cancellation, CreditPart, Disputed, InvalidParts,
    OrderBounds, OrderError, OrderRequest, OrderSettings, OrderStatus, PlacedOrder, PlacingError,
    Refunded, RefundedOrder, RequestedCredit, RequestedParts, RequestedPricing, RequestedRefund,
    ReversingError, UnpaidBound, cancel_unshipped, get_order, place_order, refund_order,
};
use oms_payments::{Operation, RefundState};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{Currency, IdempotencyKey, Money, OrderId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Shop, settings, tenant, three_pieces, usd};

fn eur(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("EUR").unwrap(),
    }
}

fn adjustment(kind: AdjustmentKind, scope: AdjustmentScope, amount_minor: i64) -> Adjustment {
    Adjustment {
        kind,
        scope,
        amount_minor,
        included: false,
        label: "x".to_owned(),
        code: None,
        rate_ppm: None,
    }
}

/// Three units at 100 each, less this, plus 49 of shipping and 5 of fees.
pub fn discounted(off: i64) -> RequestedPricing {
    RequestedPricing {
        adjustments: vec![
            adjustment(AdjustmentKind::Discount, AdjustmentScope::Order, -off),
            adjustment(AdjustmentKind::Shipping, AdjustmentScope::Shipping, 49),
            adjustment(AdjustmentKind::Fee, AdjustmentScope::Order, 5),
        ],
        expected_total: Some(usd(354 - off)),
        ..RequestedPricing::default()
    }
}

async fn place(
    shop: &Shop,
    key: &str,
    pricing: RequestedPricing,
) -> Result<PlacedOrder, PlacingError> {
    let key = IdempotencyKey::parse(key).unwrap();
    let request = OrderRequest {
        pricing,
        ..three_pieces()
    };
    place_order(&shop.context, tenant(), &key, &request, "api").await
}

pub async fn paid(shop: &Shop, pricing: RequestedPricing) -> OrderId {
    match place(shop, "k", pricing).await {
        Ok(PlacedOrder::Paid(order)) => order.id,
        other => panic!("not paid: {other:?}"),
    }
}

fn units(quantity: i32) -> RequestedParts {
    RequestedParts {
        lines: vec![RequestedCredit {
            line: 1,
            quantity: Some(quantity),
            amount: None,
        }],
        ..RequestedParts::default()
    }
}

async fn refund(
    shop: &Shop,
    order_id: OrderId,
    key: &str,
    parts: RequestedParts,
) -> Result<RefundedOrder, ReversingError> {
    let request = RequestedRefund {
        what: Refunded::Parts(parts),
        reason: None,
        disputed: Disputed::Refuse,
    };
    let key = IdempotencyKey::parse(key).unwrap();
    refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await
}

fn amount_of(refunded: Result<RefundedOrder, ReversingError>) -> i64 {
    match refunded {
        Ok(RefundedOrder::Refunded(refund, _) | RefundedOrder::RefundedBefore(refund, _)) => {
            refund.amount.amount_minor
        }
        other => panic!("not refunded: {other:?}"),
    }
}

fn assert_reused(answer: &Result<RefundedOrder, ReversingError>) {
    let is_reused = matches!(answer, Err(ReversingError::Order(OrderError::KeyReused)));
    assert!(is_reused, "{answer:?}");
}

/// `owed held balance` of an order.
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
async fn adjustments_are_stored_and_the_customer_pays_the_total() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop, discounted(100)).await;
    assert_eq!(shop.gateway.net_minor(), 254);
    let order = get_order(&shop.context, tenant(), order_id)
        .await
        .unwrap()
        .order;
    assert_eq!(order.total, usd(254));
    assert_eq!(order.lines[0].payable, usd(200));
    assert_eq!(order.adjustments, discounted(100).adjustments);
    assert_eq!(ledger(&shop, order_id).await, (254, 254, 0));
}

#[tokio::test]
async fn a_total_that_does_not_add_up_keeps_nothing() {
    let shop = Shop::open(Confirm::Pays).await;
    let wrong = RequestedPricing {
        expected_total: Some(usd(253)),
        ..discounted(100)
    };
    let in_euros = RequestedPricing {
        expected_total: Some(eur(254)),
        ..discounted(100)
    };
    for pricing in [wrong, in_euros] {
        let refused = place(&shop, "k", pricing).await;
        let Err(PlacingError::TotalMismatch { breakdown, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(breakdown.total_minor, 254);
    }
    let seen = RequestedPricing {
        expected_unit_prices: vec![(0, usd(99))],
        ..RequestedPricing::default()
    };
    let refused = place(&shop, "k", seen).await;
    assert!(
        matches!(&refused, Err(PlacingError::PricesChanged(prices)) if *prices == [(0, usd(100))]),
        "{refused:?}"
    );
    let too_much = RequestedPricing {
        expected_total: Some(usd(53)),
        ..discounted(301)
    };
    let refused = place(&shop, "k", too_much).await;
    assert!(
        matches!(refused, Err(PlacingError::DiscountTooLarge(0))),
        "{refused:?}"
    );
    let kept = "SELECT (SELECT count(*) FROM orders.orders) + (SELECT sum(reserved) FROM inventory.stock_levels)";
    assert_eq!(shop.text(kept).await, "0");
}

#[tokio::test]
async fn an_order_of_nothing_is_paid_at_once_and_cancelled_without_the_gateway() {
    let shop = Shop::open(Confirm::Pays).await;
    let free = RequestedPricing {
        adjustments: vec![adjustment(
            AdjustmentKind::Discount,
            AdjustmentScope::Order,
            -300,
        )],
        expected_total: Some(usd(0)),
        ..RequestedPricing::default()
    };
    let order_id = paid(&shop, free.clone()).await;
    assert_eq!(shop.state().await, "PAID 3 1:PAID/api 0");
    let to_send = "SELECT string_agg(status, ',') FROM fulfilment.fulfilment_orders";
    assert_eq!(shop.text(to_send).await, "OPEN");
    // The key stands for it.
    let repeated = place(&shop, "k", free).await;
    assert!(
        matches!(&repeated, Ok(PlacedOrder::PaidBefore(order)) if order.id == order_id),
        "{repeated:?}"
    );
    let refused = shop.refund(order_id, "r", None).await;
    assert!(
        matches!(refused, Err(ReversingError::NotRefundable { .. })),
        "{refused:?}"
    );
    let cancelled = shop.cancel(order_id).await;
    assert!(
        matches!(cancelled, Ok(Cancellation::Done(_))),
        "{cancelled:?}"
    );
    assert_eq!(
        shop.state().await,
        "CANCELLED 0 1:PAID/api,2:CANCELLING/api,3:CANCELLED/api 0"
    );
    assert_eq!(shop.text(to_send).await, "CANCELLED");
    assert_eq!(shop.gateway.calls(), Vec::<Operation>::new());
    assert_eq!(ledger(&shop, order_id).await, (0, 0, 0));
}

#[tokio::test]
async fn an_order_of_nothing_is_not_limited_as_unpaid() {
    let bounds = OrderBounds {
        customer: UnpaidBound {
            orders: 1,
            units: 3,
        },
        tenant: UnpaidBound {
            orders: 1,
            units: 3,
        },
        ..OrderBounds::NONE
    };
    let settings = OrderSettings {
        bounds,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::IsLost, settings).await;
    shop.pending("unpaid").await;
    let is_refused = |placed| matches!(placed, Err(PlacingError::Exceeded(_)));
    for key in ["b", "c"] {
        assert!(is_refused(
            place(&shop, key, RequestedPricing::default()).await
        ));
        let free = RequestedPricing {
            adjustments: vec![adjustment(
                AdjustmentKind::Discount,
                AdjustmentScope::Order,
                -300,
            )],
            expected_total: Some(usd(0)),
            ..RequestedPricing::default()
        };
        let placed = place(&shop, &format!("free {key}"), free).await;
        assert!(matches!(placed, Ok(PlacedOrder::Paid(_))), "{placed:?}");
    }
}

#[tokio::test]
async fn an_order_is_in_one_of_the_currencies_of_its_tenant() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.execute(
        "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
         SELECT tenant_id, product_id, 'EUR', 90 FROM inventory.prices",
    )
    .await;
    let in_euros = || RequestedPricing {
        currency: Some(Currency::parse("EUR").unwrap()),
        ..RequestedPricing::default()
    };
    let refused = place(&shop, "k", in_euros()).await;
    assert!(
        matches!(&refused, Err(PlacingError::CurrencyNotOffered(offered)) if offered.len() == 1),
        "{refused:?}"
    );
    let set = format!(
        "INSERT INTO orders.settings (tenant_id, version, document, actor)
         VALUES ('{}', 1, '{{\"currencies\": [\"EUR\", \"USD\"], \"newer\": 1}}', 'x')",
        tenant()
    );
    shop.execute(&set).await;
    for (key, pricing, total) in [
        ("a", in_euros(), eur(270)),
        ("b", RequestedPricing::default(), eur(270)),
        (
            "c",
            RequestedPricing {
                currency: Some(Currency::parse("USD").unwrap()),
                ..RequestedPricing::default()
            },
            usd(300),
        ),
    ] {
        match place(&shop, key, pricing).await {
            Ok(PlacedOrder::Paid(order)) => assert_eq!(order.total, total),
            other => panic!("not paid: {other:?}"),
        }
    }
}

#[tokio::test]
async fn orders_of_several_currencies_are_placed_together() {
    let shop = Shop::open(Confirm::Pays).await;
    let sql = format!(
        "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
         SELECT tenant_id, product_id, 'EUR', 90 FROM inventory.prices;
         INSERT INTO orders.settings (tenant_id, version, document, actor)
         VALUES ('{}', 1, '{{\"currencies\": [\"USD\", \"EUR\"]}}', 'x')",
        tenant()
    );
    shop.execute(&sql).await;
    let shop = Arc::new(shop);
    let barrier = Arc::new(Barrier::new(3));
    let mut placing = JoinSet::new();
    for (key, code) in [("a", "USD"), ("b", "EUR"), ("c", "USD")] {
        let (shop, barrier) = (shop.clone(), barrier.clone());
        placing.spawn(async move {
            let pricing = RequestedPricing {
                currency: Some(Currency::parse(code).unwrap()),
                ..RequestedPricing::default()
            };
            barrier.wait().await;
            place(&shop, key, pricing).await
        });
    }
    for placed in placing.join_all().await {
        assert!(matches!(placed, Ok(PlacedOrder::Paid(_))), "{placed:?}");
    }
    let totals = "SELECT string_agg(total_minor || ' ' || currency, ', ' ORDER BY idempotency_key) FROM orders.orders";
    assert_eq!(shop.text(totals).await, "300 USD, 270 EUR, 300 USD");
}

#[tokio::test]
async fn units_are_refunded_by_their_share_and_sum_to_what_was_paid() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop, discounted(100)).await;
    assert_eq!(amount_of(refund(&shop, order_id, "a", units(1)).await), 66);
    assert_eq!(ledger(&shop, order_id).await, (188, 188, 0));
    // The key stands for this refund, and for no other.
    assert_eq!(amount_of(refund(&shop, order_id, "a", units(1)).await), 66);
    for other in [
        units(2),
        RequestedParts {
            shipping: Some(usd(66)),
            ..RequestedParts::default()
        },
        RequestedParts {
            shipping: Some(usd(1)),
            ..units(1)
        },
    ] {
        let reused = refund(&shop, order_id, "a", other).await;
        assert_reused(&reused);
    }
    assert_reused(&shop.refund(order_id, "a", Some(66)).await);
    assert_eq!(amount_of(refund(&shop, order_id, "b", units(2)).await), 134);
    let refused = refund(&shop, order_id, "c", units(1)).await;
    assert!(
        matches!(
            refused,
            Err(ReversingError::InvalidParts(
                _,
                InvalidParts::TooManyUnits { index: 0, left: 0 }
            ))
        ),
        "{refused:?}"
    );
    let rest = RequestedParts {
        shipping: Some(usd(49)),
        fees: Some(usd(5)),
        expected: Some(usd(54)),
        ..RequestedParts::default()
    };
    let refunded = refund(&shop, order_id, "d", rest).await;
    assert!(
        matches!(
            &refunded,
            Ok(RefundedOrder::Refunded(_, OrderStatus::Refunded))
        ),
        "{refunded:?}"
    );
    assert_eq!(ledger(&shop, order_id).await, (0, 0, 0));
    assert_eq!(shop.gateway.net_minor(), 0);
}

#[tokio::test]
async fn a_rejected_refund_credits_nothing_and_a_pending_one_is_owed_to_the_customer() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop, discounted(100)).await;
    shop.gateway.refunds(Refunding::IsRefused);
    let refused = refund(&shop, order_id, "a", units(3)).await;
    assert!(
        matches!(refused, Err(ReversingError::RefundRefused { .. })),
        "{refused:?}"
    );
    assert_eq!(ledger(&shop, order_id).await, (254, 254, 0));
    shop.gateway.refunds(Refunding::IsLost);
    let pending = refund(&shop, order_id, "b", units(3)).await;
    assert!(
        matches!(&pending, Ok(RefundedOrder::Pending(refund, _)) if refund.state == RefundState::Pending),
        "{pending:?}"
    );
    assert_eq!(ledger(&shop, order_id).await, (54, 254, -200));
}

#[tokio::test]
async fn lines_of_earlier_versions_are_refunded_by_their_price() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.execute("UPDATE orders.lines SET payable_minor = NULL")
        .await;
    assert_eq!(amount_of(refund(&shop, order_id, "a", units(1)).await), 100);
    assert_eq!(amount_of(shop.refund(order_id, "b", Some(50)).await), 50);
    let order = get_order(&shop.context, tenant(), order_id)
        .await
        .unwrap()
        .order;
    let credits: Vec<(CreditPart, i64)> = order
        .credits
        .iter()
        .map(|credit| (credit.part, credit.amount_minor))
        .collect();
    let part = CreditPart::Line {
        number: 1,
        quantity: Some(1),
    };
    assert_eq!(credits, [(part, 100)]);
    // A refund without parts is a credit as well.
    assert_eq!(ledger(&shop, order_id).await, (150, 150, 0));
}

#[tokio::test]
async fn unshipped_units_are_refunded_by_their_share() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid(&shop, discounted(100)).await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api")
        .await
        .unwrap();
    assert_eq!(shop.refunds().await, "refunded 134");
    assert_eq!(ledger(&shop, order_id).await, (120, 120, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn concurrent_refunds_of_units_refund_each_once() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    let order_id = paid(&shop, discounted(100)).await;
    for round in 0..3 {
        let barrier = Arc::new(Barrier::new(8));
        let mut refunding = JoinSet::new();
        for number in 0..8 {
            let (shop, barrier) = (shop.clone(), barrier.clone());
            refunding.spawn(async move {
                barrier.wait().await;
                refund(&shop, order_id, &format!("{round} {number}"), units(1)).await
            });
        }
        for refunded in refunding.join_all().await {
            let is_expected = matches!(
                refunded,
                Ok(RefundedOrder::Refunded(..))
                    | Err(ReversingError::RefundInProgress(_)
                        | ReversingError::InvalidParts(_, InvalidParts::TooManyUnits { .. }))
            );
            assert!(is_expected, "{refunded:?}");
        }
    }
    let credited = "SELECT sum(quantity) || ' ' || sum(amount_minor) FROM orders.credits";
    assert_eq!(shop.text(credited).await, "3 200");
    assert_eq!(ledger(&shop, order_id).await, (54, 54, 0));
    assert_eq!(shop.gateway.net_minor(), 54);
}
