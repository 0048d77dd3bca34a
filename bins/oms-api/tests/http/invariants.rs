//! What has to be true whatever happened, in the database and between it and the gateway.

use serde_json::json;

use crate::request::{DECLINED_CARD, small_order, with};
use crate::sandbox::Sandbox;
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// Each query finds what breaks one rule, in one column of words.
const RULES: [(&str, &str); 8] = [
    (
        "a stock level is the sum of its movements, and what it holds the sum of its reservations",
        "SELECT format('%s %s: on hand %s, moved %s, reserved %s, held %s',
                       s.warehouse_id, s.product_id, s.on_hand, m.moved, s.reserved, r.held)
         FROM inventory.stock_levels s
         CROSS JOIN LATERAL (
             SELECT coalesce(sum(quantity), 0) AS held FROM inventory.reservations r
             WHERE (r.tenant_id, r.warehouse_id, r.product_id) = (s.tenant_id, s.warehouse_id, s.product_id)
         ) r
         CROSS JOIN LATERAL (
             SELECT coalesce(sum(quantity), 0) AS moved FROM inventory.stock_movements m
             WHERE (m.tenant_id, m.warehouse_id, m.product_id) = (s.tenant_id, s.warehouse_id, s.product_id)
         ) m
         WHERE s.reserved <> r.held OR s.on_hand <> m.moved OR s.reserved NOT BETWEEN 0 AND s.on_hand",
    ),
    (
        "a pending or paid order holds exactly its lines in its warehouse, and nothing else holds anything",
        "SELECT format('order %s, product %s: holds %s, has lines for %s',
                       order_id, product_id, r.quantity, l.quantity)
         FROM inventory.reservations r
         FULL JOIN (
             SELECT o.tenant_id, l.order_id, o.warehouse_id, l.product_id, l.quantity
             FROM orders.lines l JOIN orders.orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
             WHERE o.status IN ('PENDING_PAYMENT', 'PAID')
         ) l USING (tenant_id, order_id, warehouse_id, product_id)
         WHERE r.quantity IS DISTINCT FROM l.quantity",
    ),
    (
        "an order's events are numbered from 1 to its version without gaps",
        "SELECT format('order %s: version %s, %s events up to %s', o.id, o.version, count(e), max(e.sequence))
         FROM orders.orders o LEFT JOIN orders.events e ON (e.tenant_id, e.order_id) = (o.tenant_id, o.id)
         GROUP BY o.tenant_id, o.id
         HAVING count(e) <> o.version OR max(e.sequence) IS DISTINCT FROM o.version",
    ),
    (
        "each event starts where the one before it ended, no final state is left, and the last one is the order's",
        "SELECT format('order %s, event %s: from %s to %s, after %s; the order is %s',
                       order_id, sequence, from_status, to_status, before, status)
         FROM (
             SELECT e.*, o.status, o.version,
                    lag(e.to_status) OVER (PARTITION BY e.tenant_id, e.order_id ORDER BY e.sequence) AS before
             FROM orders.events e JOIN orders.orders o ON (o.tenant_id, o.id) = (e.tenant_id, e.order_id)
         ) e
         WHERE from_status IS DISTINCT FROM before
            OR NOT ((before IS NULL AND to_status = 'PENDING_PAYMENT')
                    OR (before = 'PENDING_PAYMENT' AND to_status IN ('PAID', 'FAILED')))
            OR (sequence = version AND to_status <> status)",
    ),
    (
        "an order is paid exactly if its payment is, and pending exactly if its payment is open",
        "SELECT format('order %s is %s, its payment %s', o.id, o.status, a.state)
         FROM orders.orders o
         LEFT JOIN payments.attempts a ON (a.tenant_id, a.order_id, a.number) = (o.tenant_id, o.id, 1)
         WHERE a.state IS NULL OR o.status <> CASE
             WHEN a.state = 'paid' THEN 'PAID'
             WHEN a.state IN ('created', 'prepared') THEN 'PENDING_PAYMENT'
             ELSE 'FAILED'
         END",
    ),
    (
        "the sweeper's list has exactly the pending orders",
        "SELECT format('order %s is %s, on the list %s', o.id, o.status, r.order_id IS NOT NULL)
         FROM orders.orders o
         LEFT JOIN orders.reconciliations r ON (r.tenant_id, r.order_id) = (o.tenant_id, o.id)
         WHERE (o.status = 'PENDING_PAYMENT') <> (r.order_id IS NOT NULL)",
    ),
    (
        "an order's total is the sum of its lines, and what is to be paid",
        "SELECT format('order %s: total %s, lines %s, to be paid %s', o.id, o.total_minor, l.sum, a.amount_minor)
         FROM orders.orders o
         JOIN payments.attempts a ON (a.tenant_id, a.order_id) = (o.tenant_id, o.id)
         CROSS JOIN LATERAL (
             SELECT sum(quantity * unit_price_minor) FROM orders.lines l
             WHERE (l.tenant_id, l.order_id) = (o.tenant_id, o.id)
         ) l
         WHERE o.total_minor IS DISTINCT FROM l.sum OR a.amount_minor <> o.total_minor
            OR a.currency <> o.currency",
    ),
    (
        "only a failed order has given its key back",
        "SELECT format('order %s is %s', id, status) FROM orders.orders
         WHERE idempotency_key IS NULL AND failure_code IS DISTINCT FROM 'gateway_unavailable'",
    ),
];

/// Checks the database.
pub async fn assert_invariants(database: &StoreDatabase) {
    for rule in RULES {
        let broken = database.rows(rule.1).await;
        assert!(broken.is_empty(), "broken: {}: {broken:?}", rule.0);
    }
}

/// Checks the gateway against the database: a paid order was charged once, and exactly its total; all others were not
/// charged; and there is no charge without an order.
pub async fn assert_charges_match_orders(database: &StoreDatabase, sandbox: &Sandbox) {
    let orders = database
        .rows("SELECT id, status, total_minor FROM orders.orders")
        .await;
    let mut paid = 0;
    for order in &orders {
        let [id, status, total] = order.as_slice() else {
            unreachable!("three columns");
        };
        let expected = match status.as_str() {
            "PAID" => (1, total.parse().unwrap()),
            _ => (0, 0),
        };
        paid += expected.0;
        let charged = sandbox.charged(id).await;
        assert_eq!(
            charged, expected,
            "(charges, amount) of order {id}, {status}"
        );
    }
    assert_eq!(sandbox.charges().await, paid, "charges in all");
}

/// What a defect could do to the database, and the rules that have to notice it, by their places in the list.
const CORRUPTIONS: [(&str, &[usize]); 9] = [
    (
        "UPDATE inventory.stock_levels SET on_hand = on_hand + 1",
        &[0],
    ),
    (
        "UPDATE inventory.stock_levels SET reserved = reserved + 1",
        &[0],
    ),
    ("DELETE FROM inventory.reservations", &[0, 1]),
    ("DELETE FROM orders.events WHERE sequence = 1", &[2, 3]),
    (
        "UPDATE orders.events SET from_status = 'PAID' WHERE sequence = 2",
        &[3],
    ),
    (
        "UPDATE orders.orders SET status = 'FAILED', failure_code = 'x' WHERE status = 'PAID'",
        &[1, 3, 4],
    ),
    ("DELETE FROM orders.reconciliations", &[5]),
    (
        "UPDATE orders.lines SET unit_price_minor = unit_price_minor + 1",
        &[6],
    ),
    ("UPDATE orders.orders SET idempotency_key = NULL", &[7]),
];

#[tokio::test]
async fn every_rule_notices_what_breaks_it() {
    let shop = Shop::open().await;
    shop.place_new(&small_order()).await.assert_created();
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let declined = shop.place_new(&declined).await;
    declined.assert_failed("orders.payment_declined");
    let lost = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", lost).await;
    shop.place_new(&small_order()).await.assert_pending();
    shop.assert_consistent().await;

    for (corruption, expected) in CORRUPTIONS {
        shop.database.execute("BEGIN").await;
        shop.database.execute(corruption).await;
        let mut noticed = Vec::new();
        for (place, (_, sql)) in RULES.iter().enumerate() {
            if !shop.database.rows(sql).await.is_empty() {
                noticed.push(place);
            }
        }
        shop.database.execute("ROLLBACK").await;
        assert_eq!(noticed, expected, "{corruption}");
    }
    shop.assert_consistent().await;
}
