//! What has to be true of the database after every run, and a check that the rules notice what breaks them.

use anyhow::{Result, ensure};
use tokio_postgres::Client;

/// A rule, and a query that finds what breaks it, in one column of words.
struct Rule {
    name: &'static str,
    broken: &'static str,
    /// A defect that it has to notice.
    defect: &'static str,
}

/// Statuses of an order that holds stock.
macro_rules! live {
    () => {
        "('PENDING_PAYMENT', 'PAID', 'CANCELLING', 'REFUNDING')"
    };
}

const RULES: [Rule; 7] = [
    Rule {
        name: "stock on hand is the sum of its movements",
        broken: "SELECT format('%s %s: on hand %s, moved %s', s.warehouse_id, s.product_id, s.on_hand, m.moved)
                 FROM inventory.stock_levels s
                 LEFT JOIN (
                     SELECT tenant_id, warehouse_id, product_id, sum(quantity) AS moved
                     FROM inventory.stock_movements GROUP BY tenant_id, warehouse_id, product_id
                 ) m USING (tenant_id, warehouse_id, product_id)
                 WHERE s.on_hand <> coalesce(m.moved, 0)",
        defect: "UPDATE inventory.stock_levels SET on_hand = on_hand + 1",
    },
    Rule {
        name: "reserved is the sum of the reservations, and no more than is on hand",
        broken: "SELECT format('%s %s: reserved %s, held %s', s.warehouse_id, s.product_id, s.reserved, r.held)
                 FROM inventory.stock_levels s
                 LEFT JOIN (
                     SELECT tenant_id, warehouse_id, product_id, sum(quantity) AS held
                     FROM inventory.reservations GROUP BY tenant_id, warehouse_id, product_id
                 ) r USING (tenant_id, warehouse_id, product_id)
                 WHERE s.reserved <> coalesce(r.held, 0) OR s.reserved NOT BETWEEN 0 AND s.on_hand",
        defect: "UPDATE inventory.stock_levels SET reserved = reserved + 1 WHERE on_hand > reserved",
    },
    Rule {
        name: "live orders hold exactly their lines in their warehouse, and nothing else holds anything",
        broken: concat!(
            "SELECT format('order %s, product %s: holds %s, has lines for %s', order_id, product_id, r.quantity, l.quantity)
             FROM inventory.reservations r
             FULL JOIN (
                 SELECT o.tenant_id, l.order_id, o.warehouse_id, l.product_id, l.quantity
                 FROM orders.lines l JOIN orders.orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
                 WHERE o.status IN ",
            live!(),
            ") l USING (tenant_id, order_id, warehouse_id, product_id)
             WHERE r.quantity IS DISTINCT FROM l.quantity"
        ),
        defect: "DELETE FROM inventory.reservations",
    },
    Rule {
        name: "no more is promised of a product than was received",
        broken: concat!(
            "SELECT format('product %s: promised %s, received %s', product_id, sold, received)
             FROM (
                 SELECT l.tenant_id, l.product_id, sum(l.quantity) AS sold
                 FROM orders.lines l JOIN orders.orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
                 WHERE o.status IN ",
            live!(),
            " GROUP BY l.tenant_id, l.product_id
             ) sales
             LEFT JOIN (
                 SELECT tenant_id, product_id, sum(quantity) AS received
                 FROM inventory.stock_movements GROUP BY tenant_id, product_id
             ) receipts USING (tenant_id, product_id)
             WHERE sold > coalesce(received, 0)"
        ),
        defect: "UPDATE orders.lines SET quantity = 1000000000",
    },
    Rule {
        name: "there is one order for each key, and only a failed one has none",
        broken: "SELECT format('key %s: %s orders', idempotency_key, count(*)) FROM orders.orders
                 WHERE idempotency_key IS NOT NULL OR status <> 'FAILED'
                 GROUP BY tenant_id, idempotency_key HAVING count(*) > 1 OR idempotency_key IS NULL",
        defect: "UPDATE orders.orders SET idempotency_key = NULL",
    },
    Rule {
        name: "an order is paid exactly if its payment is",
        broken: "SELECT format('order %s is %s, its payment %s', o.id, o.status, a.state)
                 FROM orders.orders o
                 LEFT JOIN LATERAL (
                     SELECT state FROM payments.attempts a
                     WHERE (a.tenant_id, a.order_id) = (o.tenant_id, o.id) ORDER BY number DESC LIMIT 1
                 ) a ON true
                 WHERE (o.status = 'PAID' AND a.state IS DISTINCT FROM 'paid')
                    OR (a.state = 'paid' AND o.status NOT IN ('PAID', 'CANCELLING', 'REFUNDING'))",
        defect: "UPDATE orders.orders SET status = 'PENDING_PAYMENT'",
    },
    Rule {
        name: "an order's events are numbered from 1 to its version without gaps, and end in its status",
        broken: "SELECT format('order %s, version %s: %s events', o.id, o.version, count(e))
                 FROM orders.orders o LEFT JOIN orders.events e ON (e.tenant_id, e.order_id) = (o.tenant_id, o.id)
                 GROUP BY o.tenant_id, o.id
                 HAVING count(e) <> o.version OR max(e.sequence) IS DISTINCT FROM o.version
                     OR NOT bool_or(e.sequence = o.version AND e.to_status = o.status)",
        defect: "DELETE FROM orders.events WHERE sequence = 1",
    },
];

/// What is broken, rule by rule: none is what it should be.
pub(crate) async fn broken(client: &Client) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for rule in &RULES {
        let found = find(client, rule).await?;
        if let Some(first) = found.first() {
            broken.push(format!(
                "{}: {} places, such as {first}",
                rule.name,
                found.len()
            ));
        }
    }
    Ok(broken)
}

/// Breaks a consistent database that has orders, rule by rule, and takes it back each time.
pub(crate) async fn check_that_rules_notice(client: &Client) -> Result<()> {
    for rule in &RULES {
        client.batch_execute("BEGIN").await?;
        client.batch_execute(rule.defect).await?;
        let found = find(client, rule).await;
        client.batch_execute("ROLLBACK").await?;
        ensure!(
            !found?.is_empty(),
            "the rule that {} does not notice: {}",
            rule.name,
            rule.defect
        );
    }
    Ok(())
}

async fn find(client: &Client, rule: &Rule) -> Result<Vec<String>> {
    let rows = client.query(rule.broken, &[]).await?;
    let words = |row: &tokio_postgres::Row| row.get::<_, Option<String>>(0).unwrap_or_default();
    Ok(rows.iter().map(words).collect())
}
