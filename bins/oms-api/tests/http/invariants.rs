//! Conditions that must always hold, in the database and between it and the gateway.

use oms_testing::invariants::{defects, rules};
use serde_json::json;

use crate::api::SWEEPING;
use crate::eventually::until;
use crate::request::{ATLANTA, DECLINED_CARD, WIDGET_A, new_key, order, small_order, with};
use crate::sandbox::Sandbox;
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// Checks the database.
pub async fn assert_invariants(database: &StoreDatabase) {
    for rule in rules() {
        let broken = database.rows(&rule.broken).await;
        assert!(broken.is_empty(), "broken: {}: {broken:?}", rule.says);
    }
}

/// Checks the gateway against the database: captured and refunded amounts are equal on both sides. A paid order was
/// charged its total, and not all of it was refunded. Of orders that ended otherwise, no money is left. An order that
/// waits for a payment has none yet. And there is no charge without an order.
pub async fn assert_charges_match_orders(database: &StoreDatabase, sandbox: &Sandbox) {
    assert_charges_match(database, sandbox, "true").await;
}

/// Like [`assert_charges_match_orders`], for the orders `o` that fulfil a condition.
pub async fn assert_charges_match(database: &StoreDatabase, sandbox: &Sandbox, which: &str) {
    let books = format!(
        "
        SELECT o.id, o.status, o.total_minor, coalesce(a.captured_minor, 0), coalesce(r.refunded, 0),
               coalesce(r.pending, 0)
        FROM orders.orders o
        LEFT JOIN LATERAL (
            SELECT * FROM payments.attempts a
            WHERE (a.tenant_id, a.order_id) = (o.tenant_id, o.id) ORDER BY number DESC LIMIT 1
        ) a ON true
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor) FILTER (WHERE state = 'refunded') AS refunded,
                   sum(amount_minor) FILTER (WHERE state = 'pending') AS pending
            FROM payments.refunds r WHERE (r.tenant_id, r.attempt_id) = (a.tenant_id, a.id)
        ) r ON true
        WHERE {which}"
    );
    let mut charges = 0;
    for order in database.rows(&books).await {
        let (id, status) = (&order[0], order[1].as_str());
        let number = |column: usize| -> i64 { order[column].parse().unwrap() };
        let (total, captured, refunded, pending) = (number(2), number(3), number(4), number(5));
        let at_the_gateway = sandbox.money(id).await;
        let what = format!("order {id}, {status}: {at_the_gateway:?} of {order:?}");
        assert_eq!(at_the_gateway.0, captured, "captured for {what}");
        // A pending refund may or may not have been paid out.
        let given_back = refunded..=refunded + pending;
        assert!(given_back.contains(&at_the_gateway.1), "refunded of {what}");
        let holds = match status {
            // Nothing was to be paid.
            "PAID" if total == 0 => captured == 0,
            "PAID" | "REFUNDING" => captured == total && refunded < captured,
            "REFUNDED" => captured == total && refunded == captured,
            "CANCELLING" => true,
            "FAILED" | "CANCELLED" => refunded == captured,
            _ => captured == 0,
        };
        assert!(holds, "{what}");
        charges += u64::from(captured > 0);
    }
    assert_eq!(sandbox.charges().await, charges, "charges in all");
}

/// A shop with an order of each kind: paid, free, declined, pending, left to an operator, refunded by part and in full,
/// being refunded, cancelled, shipped, moved, and sent back.
async fn shop_of_all_kinds() -> Shop {
    let shop = Shop::open().await;
    let lost = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", lost.clone()).await;
    let stuck = shop.place_new(&small_order()).await;
    stuck.assert_pending();
    shop.sandbox.always("retrieve", lost.clone()).await;
    shop.database.make_due().await;
    let sweeper = shop
        .another_api(&[SWEEPING, ("OMS_SWEEP_MAX_TRIES", "1")])
        .await;
    until("the sweeper gives up", async || {
        shop.database
            .number("SELECT count(*) FROM orders.dead_letters")
            .await
            == 1
    })
    .await;
    drop(sweeper);
    shop.sandbox.release().await;

    shop.place_new(&small_order()).await.assert_created();
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let declined = shop.place_new(&declined).await;
    declined.assert_failed("orders.payment_declined");
    refund_and_cancel(&shop).await;
    ship_and_unship(&shop).await;
    move_and_reject(&shop).await;
    send_back(&shop).await;
    adjust(&shop).await;
    shop.sandbox.once("confirm", lost).await;
    shop.place_new(&small_order()).await.assert_pending();
    shop
}

/// Places an order that costs nothing, and one with adjustments of which parts are refunded.
async fn adjust(shop: &Shop) {
    let usd = |amount_minor: i64| json!({ "amountMinor": amount_minor, "currency": "USD" });
    let discount =
        json!({ "kind": "discount", "scope": "order", "amountMinor": -1000, "label": "Gift" });
    let free = with(small_order(), "adjustments", json!([discount]));
    let free = with(free, "expectedTotal", usd(0));
    shop.place_new(&free).await.assert_created();
    let shipping =
        json!({ "kind": "shipping", "scope": "shipping", "amountMinor": 490, "label": "x" });
    let shipped = with(small_order(), "adjustments", json!([shipping]));
    let shipped = with(shipped, "expectedTotal", usd(1490));
    let placed = shop.place_new(&shipped).await;
    placed.assert_created();
    let parts = json!({ "lines": [{ "line": 1, "quantity": 1 }], "shipping": usd(90) });
    let answer = shop.refund(&placed.order_id(), &new_key(), &parts).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

async fn refund_and_cancel(shop: &Shop) {
    let part = json!({ "amount": { "amountMinor": 400, "currency": "USD" } });
    let statuses = [(&part, 201), (&json!({}), 201)];
    for refunds in [&statuses[..1], &statuses[..]] {
        let order_id = shop.paid().await;
        for (body, status) in refunds {
            let answer = shop.refund(&order_id, &new_key(), body).await;
            assert_eq!(answer.status, *status, "{answer:?}");
        }
    }
    let order_id = shop.paid().await;
    assert_eq!(shop.cancel(&order_id).await.status, 200);
    let order_id = shop.paid().await;
    let lost = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("refund", lost).await;
    let answer = shop.refund(&order_id, &new_key(), &part).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// An order that was sent, and one whose shipment never left.
async fn ship_and_unship(shop: &Shop) {
    for never_left in [false, true] {
        let order_id = shop.paid().await;
        let path = format!(
            "/fulfilment-orders/{}/shipments",
            shop.fulfilment_order_of(&order_id).await
        );
        let shipped = shop.post_once(&path, &new_key(), &json!({})).await;
        assert_eq!(shipped.status, 201, "{shipped:?}");
        if never_left {
            let id = shipped.body["id"].as_str().unwrap();
            let path = format!("/shipments/{id}/cancel");
            let cancelled = shop
                .post_once(&path, &new_key(), &json!({ "reason": "it never left" }))
                .await;
            assert_eq!(cancelled.status, 200, "{cancelled:?}");
        }
    }
}

/// An order of which a part was moved, and whose first warehouse then rejected the rest.
async fn move_and_reject(shop: &Shop) {
    let placed = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 3)])).await;
    placed.assert_created();
    let work = shop.fulfilment_order_of(&placed.order_id()).await;
    let part = json!({ "lines": [{ "line": 1, "quantity": 1 }], "reason": "it is nearer" });
    for (action, body) in [("move", part), ("reject", json!({ "reason": "damaged" }))] {
        let path = format!("/fulfilment-orders/{work}/{action}");
        let done = shop.post_once(&path, &new_key(), &body).await;
        assert_eq!(done.body["outcome"], "moved", "{done:?}");
    }
}

/// An order of two units: one came back, and the other is expected.
async fn send_back(shop: &Shop) {
    let (order_id, _) = shop.delivered(2).await;
    for received in [true, false] {
        let id = shop.approved_return(&order_id, 1).await;
        if received {
            let receipt = shop.receive(&id, &json!({ "line": 1, "restock": 1 })).await;
            assert_eq!(receipt.status, 201, "{receipt:?}");
        }
    }
}

#[tokio::test]
async fn every_rule_detects_a_violation() {
    let shop = shop_of_all_kinds().await;
    shop.assert_consistent().await;

    for defect in defects() {
        shop.database.execute("BEGIN").await;
        shop.database.execute(&defect.sql).await;
        let mut noticed = Vec::new();
        for rule in rules() {
            if !shop.database.rows(&rule.broken).await.is_empty() {
                noticed.push(&rule.name);
            }
        }
        shop.database.execute("ROLLBACK").await;
        assert_eq!(
            noticed,
            defect.breaks.iter().collect::<Vec<_>>(),
            "{}",
            defect.sql
        );
    }
    shop.assert_consistent().await;
}
