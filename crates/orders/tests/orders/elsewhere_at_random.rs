//! Random money movements at the gateway between our own: the books never refund more than was captured, and agree with
//! the gateway's once all events have been handled.

use oms_orders::{OrderStatus, get_order, sweep_orders};
use oms_payments::{DisputeState, Reference};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::OrderId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::elsewhere::{compare, reference, report};
use crate::shop::{Shop, tenant, usd};

/// Each query returns a violation of a rule. All must always be empty.
const RULES: [&str; 4] = [
    "SELECT format('%s gives back more than was captured', a.order_id)
     FROM payments.attempts a JOIN payments.refunds r ON (r.tenant_id, r.attempt_id) = (a.tenant_id, a.id)
     WHERE r.state <> 'failed' GROUP BY a.tenant_id, a.id HAVING sum(r.amount_minor) > a.captured_minor",
    "SELECT format('refund %s is booked %s times', reference, count(*)) FROM payments.refunds
     WHERE reference IS NOT NULL GROUP BY tenant_id, reference HAVING count(*) > 1",
    "SELECT format('%s holds %s units', o.status, s.reserved) FROM orders.orders o CROSS JOIN inventory.stock_levels s
     WHERE s.reserved <> CASE WHEN o.status IN ('FAILED', 'CANCELLED', 'REFUNDED') THEN 0 ELSE 3 END",
    "SELECT format('%s is %s and on %s lists', o.id, o.status, l.number) FROM orders.orders o CROSS JOIN LATERAL (
         SELECT (SELECT count(*) FROM orders.reconciliations) +
                (SELECT count(*) FROM orders.dead_letters WHERE resolved_at IS NULL) AS number) l
     WHERE l.number <> CASE WHEN o.status IN ('CANCELLING', 'REFUNDING', 'PENDING_PAYMENT') THEN 1 ELSE 0 END",
];

/// Once nothing is in flight, the booked refunds equal the gateway's.
const AGREES: &str =
    "SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'refunded' AND actor <> 'dispute'), 0)
                      FROM payments.refunds";

async fn hold(shop: &Shop, seed: u64, step: usize) {
    let rules = RULES.map(|rule| format!("SELECT broken FROM ({rule}) rule (broken)"));
    let all = rules.join(" UNION ALL ");
    let sql = format!("SELECT coalesce((SELECT string_agg(broken, '; ') FROM ({all}) rules), '')");
    assert_eq!(shop.text(&sql).await, "", "seed {seed}, step {step}");
}

async fn name_of_some_refund(
    shop: &Shop,
    random: &mut StdRng,
    order_id: OrderId,
) -> Option<Reference> {
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    let named: Vec<Reference> = details
        .refunds
        .into_iter()
        .filter_map(|it| it.reference)
        .collect();
    match named.len() {
        0 => None,
        number => Some(named[random.random_range(0..number)].clone()),
    }
}

async fn step(shop: &Shop, random: &mut StdRng, order_id: OrderId, key: &str) {
    let payment = reference(order_id);
    let amount = random.random_range(1..=120);
    match random.random_range(0..11) {
        0 | 1 => drop(shop.gateway.refund_elsewhere(&payment, amount)),
        2 => drop(shop.refund(order_id, key, Some(amount)).await),
        3 if random.random_bool(0.3) => drop(shop.refund(order_id, key, None).await),
        4 if random.random_bool(0.2) => drop(shop.cancel(order_id).await),
        5 => {
            if let Some(name) = name_of_some_refund(shop, random, order_id).await {
                shop.gateway.fail_refund(&name);
            }
        }
        6 => drop(report(shop, "charge.refunded", order_id).await),
        7 => drop(compare(shop).await),
        8 => drop(sweep_orders(&shop.context).await.unwrap()),
        9 => {
            let all = [
                Refunding::Pays,
                Refunding::PaysSilently,
                Refunding::IsLost,
                Refunding::IsRefused,
            ];
            shop.gateway.refunds(all[random.random_range(0..all.len())]);
        }
        _ if random.random_bool(0.1) => {
            let all = [DisputeState::NeedsResponse, DisputeState::Won];
            let state = all[random.random_range(0..all.len())];
            shop.gateway.dispute(&payment, usd(300), state);
            report(shop, "charge.dispute.updated", order_id).await;
        }
        _ => {}
    }
}

#[tokio::test]
async fn money_that_moves_without_us_breaks_no_rule() {
    for seed in 0..5 {
        let mut random = StdRng::seed_from_u64(seed);
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        for number in 0..25 {
            step(&shop, &mut random, order_id, &format!("r{number}")).await;
            hold(&shop, seed, number).await;
        }
        // Every worker has a turn, and no answer is lost any more.
        shop.gateway.refunds(Refunding::Pays);
        for _ in 0..3 {
            shop.execute("UPDATE orders.reconciliations SET due_at = now()")
                .await;
            sweep_orders(&shop.context).await.unwrap();
            compare(&shop).await;
        }
        hold(&shop, seed, 25).await;
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let given_back = 300 - shop.gateway.net_minor();
        assert_eq!(
            shop.text(AGREES).await,
            given_back.to_string(),
            "seed {seed}"
        );
        if details.order.status == OrderStatus::Paid {
            assert!(shop.gateway.net_minor() > 0, "seed {seed}");
        }
    }
}
