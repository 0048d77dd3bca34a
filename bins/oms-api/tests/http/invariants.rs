//! What has to be true whatever happened, in the database and between it and the gateway.

use serde_json::json;

use crate::api::SWEEPING;
use crate::eventually::until;
use crate::request::{DECLINED_CARD, new_key, small_order, with};
use crate::sandbox::Sandbox;
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// Each query finds what breaks one rule, in one column of words.
const RULES: [(&str, &str); 15] = [
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
        "an order that has not failed, been cancelled or refunded holds exactly its lines in its warehouse, and nothing \
         else holds anything",
        "SELECT format('order %s, product %s: holds %s, has lines for %s',
                       order_id, product_id, r.quantity, l.quantity)
         FROM inventory.reservations r
         FULL JOIN (
             SELECT o.tenant_id, l.order_id, o.warehouse_id, l.product_id, l.quantity
             FROM orders.lines l JOIN orders.orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
             WHERE o.status IN ('PENDING_PAYMENT', 'PAID', 'CANCELLING', 'REFUNDING')
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
        "each event starts where the one before it ended, goes a legal way or none, and the last one is the order's",
        "SELECT format('order %s, event %s: from %s to %s, after %s; the order is %s',
                       order_id, sequence, from_status, to_status, before, status)
         FROM (
             SELECT e.*, o.status, o.version,
                    lag(e.to_status) OVER (PARTITION BY e.tenant_id, e.order_id ORDER BY e.sequence) AS before
             FROM orders.events e JOIN orders.orders o ON (o.tenant_id, o.id) = (e.tenant_id, e.order_id)
         ) e
         WHERE from_status IS DISTINCT FROM before
            OR NOT ((before IS NULL AND to_status = 'PENDING_PAYMENT')
                    OR before = to_status
                    OR (before, to_status) IN (('PENDING_PAYMENT', 'PAID'), ('PENDING_PAYMENT', 'FAILED'),
                                               ('PENDING_PAYMENT', 'CANCELLING'), ('PAID', 'CANCELLING'),
                                               ('PAID', 'REFUNDING'), ('PAID', 'REFUNDED'), ('CANCELLING', 'CANCELLED'),
                                               ('REFUNDING', 'PAID'), ('REFUNDING', 'REFUNDED')))
            OR (sequence = version AND to_status <> status)",
    ),
    (
        "an order is where its payment allows it to be",
        "SELECT format('order %s is %s, its payment %s', o.id, o.status, a.state)
         FROM orders.orders o
         LEFT JOIN LATERAL (
             SELECT state FROM payments.attempts a
             WHERE (a.tenant_id, a.order_id) = (o.tenant_id, o.id) ORDER BY number DESC LIMIT 1
         ) a ON true
         WHERE a.state IS NULL OR NOT o.status = ANY (CASE
             WHEN a.state = 'paid' AND EXISTS (
                 SELECT FROM orders.findings f WHERE (f.tenant_id, f.order_id) = (o.tenant_id, o.id)
                     AND f.kind IN ('refund_failed', 'payment_disputed')
             ) THEN ARRAY['PAID', 'CANCELLING', 'CANCELLED', 'REFUNDED']
             WHEN a.state = 'paid' THEN ARRAY['PAID', 'CANCELLING']
             WHEN a.state = 'refunding' THEN ARRAY['REFUNDING', 'CANCELLING']
             WHEN a.state = 'refunded' THEN ARRAY['REFUNDED', 'CANCELLED', 'CANCELLING']
             -- While its stock is held for another attempt, the order is pending.
             WHEN a.state IN ('declined', 'voided') THEN ARRAY['FAILED', 'CANCELLED', 'PENDING_PAYMENT']
             ELSE ARRAY['PENDING_PAYMENT', 'CANCELLING']
         END)",
    ),
    (
        "the sweeper's list has exactly the orders that are not settled and do not wait for a person",
        "SELECT format('order %s is %s, on the list %s, with a person %s',
                       o.id, o.status, r.order_id IS NOT NULL, d.order_id IS NOT NULL)
         FROM orders.orders o
         LEFT JOIN orders.reconciliations r ON (r.tenant_id, r.order_id) = (o.tenant_id, o.id)
         LEFT JOIN orders.dead_letters d
             ON (d.tenant_id, d.order_id) = (o.tenant_id, o.id) AND d.resolved_at IS NULL
         WHERE (r.order_id IS NOT NULL) <> (o.status IN ('PENDING_PAYMENT', 'CANCELLING', 'REFUNDING')
                                            AND d.order_id IS NULL)",
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
    (
        "only an order that is not settled waits for a person",
        "SELECT format('order %s is %s', o.id, o.status)
         FROM orders.dead_letters d JOIN orders.orders o ON (o.tenant_id, o.id) = (d.tenant_id, d.order_id)
         WHERE d.resolved_at IS NULL AND o.status NOT IN ('PENDING_PAYMENT', 'CANCELLING', 'REFUNDING')",
    ),
    (
        "each dead letter has exactly one alert, about its order, and no alert is about nothing",
        "SELECT format('dead letter %s of order %s: %s alerts', d.id, d.order_id, count(a))
         FROM orders.dead_letters d
         LEFT JOIN orders.alerts a
             ON (a.tenant_id, a.subject_id, a.order_id) = (d.tenant_id, d.id, d.order_id) AND a.kind = 'dead_letter'
         GROUP BY d.tenant_id, d.id, d.order_id HAVING count(a) <> 1
         UNION ALL
         SELECT format('alert %s', a.id)
         FROM orders.alerts a LEFT JOIN orders.dead_letters d ON (d.tenant_id, d.id) = (a.tenant_id, a.subject_id)
         WHERE a.kind = 'dead_letter' AND d.id IS NULL",
    ),
    (
        "each dead letter, and each retry of one, is a note in the order's timeline",
        "SELECT format('order %s: %s notes for %s dead letters', d.order_id, n.notes, d.wanted)
         FROM (
             SELECT tenant_id, order_id, count(*) + count(*) FILTER (WHERE resolution = 'retried') AS wanted
             FROM orders.dead_letters GROUP BY tenant_id, order_id
         ) d
         CROSS JOIN LATERAL (
             SELECT count(*) AS notes FROM orders.events e
             WHERE (e.tenant_id, e.order_id) = (d.tenant_id, d.order_id) AND e.from_status = e.to_status
         ) n
         WHERE n.notes < d.wanted",
    ),
    (
        "each finding has exactly one alert, about its order if it has one, and no alert is about no finding",
        "SELECT format('finding %s: %s alerts', f.id, count(a))
         FROM orders.findings f
         LEFT JOIN orders.alerts a
             ON (a.tenant_id, a.subject_id) = (f.tenant_id, f.id) AND a.kind = 'finding'
             AND a.order_id IS NOT DISTINCT FROM f.order_id
         GROUP BY f.tenant_id, f.id HAVING count(a) <> 1
         UNION ALL
         SELECT format('alert %s', a.id)
         FROM orders.alerts a LEFT JOIN orders.findings f ON (f.tenant_id, f.id) = (a.tenant_id, a.subject_id)
         WHERE a.kind = 'finding' AND f.id IS NULL",
    ),
    (
        "each finding about an order is a note in its timeline, and so is its resolution",
        "SELECT format('order %s: %s notes for finding %s', f.order_id, n.notes, f.id)
         FROM orders.findings f
         CROSS JOIN LATERAL (
             SELECT count(*) AS notes FROM orders.events e
             WHERE (e.tenant_id, e.order_id) = (f.tenant_id, f.order_id) AND e.from_status = e.to_status
                 AND e.reason LIKE format('finding %s%%', f.id)
         ) n
         WHERE f.order_id IS NOT NULL AND n.notes < CASE WHEN f.resolved_at IS NULL THEN 1 ELSE 2 END",
    ),
    (
        "a refund is pending exactly while its attempt is being refunded, nothing is given back that was not taken, and an \
         attempt is refunded once nothing is left",
        "SELECT format('attempt %s is %s: captured %s, refunded %s, %s pending',
                       a.id, a.state, a.captured_minor, r.refunded, r.pending)
         FROM payments.attempts a
         CROSS JOIN LATERAL (
             SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'refunded'), 0) AS refunded,
                    coalesce(sum(amount_minor) FILTER (WHERE state <> 'failed'), 0) AS asked,
                    count(*) FILTER (WHERE state = 'pending' AND actor = 'oms') AS pending
             FROM payments.refunds r WHERE (r.tenant_id, r.attempt_id) = (a.tenant_id, a.id)
         ) r
         WHERE r.pending <> (a.state = 'refunding')::int OR r.asked > coalesce(a.captured_minor, 0)
            OR (a.state = 'refunded') IS DISTINCT FROM (r.refunded = a.captured_minor AND r.refunded > 0)
               AND a.captured_minor IS NOT NULL",
    ),
    (
        "an order's refunds are numbered from 1 without gaps, are of its own attempt in its currency, and each leaves what \
         the ones before it have left",
        "SELECT format('refund %s, number %s of order %s: leaves %s', r.id, r.number, r.order_id, r.left_minor)
         FROM (
             SELECT r.*, row_number() OVER of_order AS place,
                    sum(CASE WHEN state = 'failed' THEN 0 ELSE amount_minor END) OVER of_order AS asked
             FROM payments.refunds r
             WINDOW of_order AS (PARTITION BY tenant_id, order_id ORDER BY number)
         ) r
         JOIN payments.attempts a ON (a.tenant_id, a.id) = (r.tenant_id, r.attempt_id)
         WHERE r.number <> r.place OR a.order_id <> r.order_id OR a.currency <> r.currency
            OR (r.state <> 'failed' AND r.left_minor <> a.captured_minor - r.asked
                AND NOT EXISTS (SELECT FROM payments.refunds f
                    WHERE (f.tenant_id, f.attempt_id) = (r.tenant_id, r.attempt_id) AND f.number < r.number
                        AND f.state = 'failed' AND f.reference IS NOT NULL))",
    ),
];

/// Checks the database.
pub async fn assert_invariants(database: &StoreDatabase) {
    for rule in RULES {
        let broken = database.rows(rule.1).await;
        assert!(broken.is_empty(), "broken: {}: {broken:?}", rule.0);
    }
}

/// Checks the gateway against the database: what was taken and given back there is what our books say; a paid order was
/// charged its total, and not all of it is back; of what ended otherwise nothing is left with us; what waits for a payment
/// has none yet; and there is no charge without an order.
pub async fn assert_charges_match_orders(database: &StoreDatabase, sandbox: &Sandbox) {
    let books = "
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
        ) r ON true";
    let mut charges = 0;
    for order in database.rows(books).await {
        let (id, status) = (&order[0], order[1].as_str());
        let number = |column: usize| -> i64 { order[column].parse().unwrap() };
        let (total, captured, refunded, pending) = (number(2), number(3), number(4), number(5));
        let at_the_gateway = sandbox.money(id).await;
        let what = format!("order {id}, {status}: {at_the_gateway:?} of {order:?}");
        assert_eq!(at_the_gateway.0, captured, "taken for {what}");
        // What is pending may have been given back or not.
        let given_back = refunded..=refunded + pending;
        assert!(
            given_back.contains(&at_the_gateway.1),
            "given back of {what}"
        );
        let holds = match status {
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

/// What a defect could do to the database, and the rules that have to notice it, by their places in the list.
const CORRUPTIONS: [(&str, &[usize]); 27] = [
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
        "UPDATE orders.events SET from_status = 'REFUNDED' WHERE sequence = 2 AND to_status = 'PAID'",
        &[3],
    ),
    (
        "UPDATE orders.orders SET status = 'FAILED', failure_code = 'x' WHERE status = 'PAID'",
        &[1, 3, 4],
    ),
    // Once the timeline agrees, what is wrong is the way there.
    (
        "UPDATE orders.orders SET status = 'CANCELLED' WHERE status = 'PAID';
         UPDATE orders.events SET to_status = 'CANCELLED' WHERE to_status = 'PAID'",
        &[1, 3, 4],
    ),
    (
        "UPDATE orders.orders SET status = 'REFUNDING' WHERE status = 'PAID'",
        &[3, 4, 5],
    ),
    ("DELETE FROM orders.reconciliations", &[5]),
    (
        "INSERT INTO orders.reconciliations (tenant_id, order_id, due_at)
         SELECT tenant_id, order_id, now() FROM orders.dead_letters",
        &[5],
    ),
    (
        "UPDATE orders.lines SET unit_price_minor = unit_price_minor + 1",
        &[6],
    ),
    ("UPDATE orders.orders SET idempotency_key = NULL", &[7]),
    (
        "UPDATE orders.dead_letters SET resolved_at = now(), resolution = 'ended', resolved_by = 'x'",
        &[5],
    ),
    (
        "UPDATE orders.dead_letters d SET order_id = o.id FROM orders.orders o WHERE o.status = 'PAID'",
        &[5, 8, 9, 10],
    ),
    ("DELETE FROM orders.alerts", &[9]),
    ("UPDATE orders.alerts SET subject_id = order_id", &[9]),
    (
        "DELETE FROM orders.events WHERE from_status = to_status;
         UPDATE orders.orders o SET version = 1 FROM orders.dead_letters d WHERE d.order_id = o.id",
        &[10],
    ),
    (
        "INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
         SELECT tenant_id, id, 'charge_without_order', 'stripe', 'ch_' || id, 'ch_' || id, 'x', 'none'
         FROM orders.orders WHERE status = 'PAID'",
        &[11],
    ),
    (
        "INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message)
         SELECT tenant_id, id, 'finding', id, 'x' FROM orders.orders WHERE status = 'PAID'",
        &[11],
    ),
    (
        "INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, payment_reference, order_id, detail, action)
         SELECT tenant_id, id, 'amount_mismatch', 'stripe', 'pi_' || id, 'pi_' || id, id, 'x', 'none'
         FROM orders.orders WHERE status = 'PAID';
         INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, order_id, message)
         SELECT tenant_id, id, 'finding', id, id, 'x' FROM orders.orders WHERE status = 'PAID'",
        &[12],
    ),
    (
        "UPDATE payments.refunds SET state = 'pending' WHERE state = 'refunded' AND left_minor > 0",
        &[13],
    ),
    (
        "UPDATE payments.refunds SET state = 'refunded' WHERE state = 'pending'",
        &[13],
    ),
    (
        "UPDATE payments.attempts SET state = 'paid' WHERE state = 'refunded'",
        &[4, 13],
    ),
    (
        "UPDATE payments.refunds SET amount_minor = 2000 WHERE state = 'pending'",
        &[13, 14],
    ),
    (
        "DELETE FROM payments.refund_requests; DELETE FROM payments.refunds",
        &[13],
    ),
    ("UPDATE payments.refunds SET number = number + 10", &[14]),
    (
        "UPDATE payments.refunds SET left_minor = left_minor + 1",
        &[14],
    ),
];

/// A shop with an order of each kind: paid, declined, pending, left to a person, refunded in part and in full, being
/// refunded, and cancelled.
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
    shop.sandbox.once("confirm", lost).await;
    shop.place_new(&small_order()).await.assert_pending();
    shop
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

#[tokio::test]
async fn every_rule_notices_what_breaks_it() {
    let shop = shop_of_all_kinds().await;
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
