//! A race of buyers who may cancel, two sweepers, webhooks, the bank and operators for one order after another, while
//! calls and webhooks fail. Each order must end exactly once.
//!
//! All random decisions come from one seed, which a failure prints. `OMS_RACE_SEED` sets it. It determines the requests
//! and the faults; which participant is faster depends on the machine.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::future::{join, join_all, join3};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::answer::Answer;
use crate::api::Settings;
use crate::chances::{Chances, Pays, Round};
use crate::eventually::{eventually, until};
use crate::request::new_key;
use crate::shop::{Customer, Shop};

const ROUNDS: u64 = 1000;
/// Number of rounds with one fault plan, whose length the sandbox limits.
const HEAT: u64 = 250;
const AT_ONCE: usize = 24;

/// The sweepers look at all orders continuously, and give up after one attempt. The gateway's time-out is short,
/// because some calls are never answered.
const RACING: Settings<'_> = &[
    ("OMS_SWEEP_INTERVAL_MS", "200"),
    ("OMS_SWEEP_AFTER_MS", "0"),
    ("OMS_SWEEP_BACKOFF_MIN_MS", "10"),
    ("OMS_SWEEP_BACKOFF_MAX_MS", "50"),
    ("OMS_SWEEP_MAX_TRIES", "1"),
    ("OMS_SWEEP_LEASE_MS", "25000"),
    ("OMS_STRIPE_TIMEOUT_MS", "5000"),
    ("OMS_GATEWAY_EVENTS_INTERVAL_MS", "50"),
    ("OMS_DATABASE_MAX_CONNECTIONS", "12"),
];

/// The shop and two customers, each of a different process.
struct Race {
    shop: Shop,
    customers: [Customer; 2],
    seed: u64,
    is_over: Cell<bool>,
}

#[tokio::test]
async fn a_contested_order_ends_once_and_is_charged_at_most_once() {
    let seed = match std::env::var("OMS_RACE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => rand::random(),
    };
    eprintln!("OMS_RACE_SEED={seed}");
    let shop = Shop::open_with(RACING).await;
    let other = shop.another_api(RACING).await;
    shop.database.stock_up(10_000).await;
    shop.sandbox
        .report_patiently_to(&shop.api.url, "whsec_sandbox")
        .await;
    let customers = [shop.customer(), shop.customer_of(&other)];
    let race = Race {
        shop,
        customers,
        seed,
        is_over: Cell::new(false),
    };
    let operators = join_all([0, 1].map(|number| race.operate(number)));
    join(race.run(), operators).await;
    race.check().await;
}

impl Race {
    /// Runs all rounds, several at a time, and checks the result.
    async fn run(&self) {
        for first in (0..ROUNDS).step_by(HEAT.try_into().unwrap()) {
            let mut chances = Chances::new(self.seed, 2 * ROUNDS + first);
            self.shop.sandbox.plan(chances.faults(HEAT)).await;
            let rounds = stream::iter(first..first + HEAT).map(|number| self.round(number));
            rounds.buffer_unordered(AT_ONCE).collect::<()>().await;
        }
        self.shop.sandbox.release().await;
        self.come_to_rest().await;
        self.is_over.set(true);
    }

    /// Runs one order: a buyer requests it, perhaps twice, and the bank decides if necessary.
    async fn round(&self, number: u64) {
        let Round {
            order,
            pays,
            api,
            pauses,
            asks_again,
            cancels,
        } = Chances::new(self.seed, number).round();
        sleep(pauses[0]).await;
        let key = new_key();
        let first = eventually("an order is taken", async || {
            let answer = self.customers[api].place(&key, &order).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        assert!(matches!(first.status, 201 | 202 | 402), "{first:?}");
        let other = &self.customers[1 - api];
        let decides = async {
            if let Pays::ByBank { outcome } = pays {
                sleep(pauses[1]).await;
                self.decide(&first.order_id(), outcome).await;
            }
        };
        let asks = async {
            if asks_again {
                sleep(pauses[2]).await;
                let again = other.place(&key, &order).await;
                assert_agree(&first, &again, cancels);
            }
        };
        let gives_up = async {
            if cancels {
                sleep(pauses[3]).await;
                let answer = other.cancel(&first.order_id()).await;
                assert!(matches!(answer.status, 200 | 202 | 409 | 503), "{answer:?}");
            }
        };
        join3(decides, asks, gives_up).await;
    }

    /// Lets the bank decide a payment that waits for it, if any.
    async fn decide(&self, order_id: &str, outcome: &str) {
        let order = self.shop.sandbox.order(order_id).await;
        for intent in order["intents"].as_array().unwrap() {
            if intent["status"] == "processing" {
                let payment = intent["id"].as_str().unwrap();
                self.shop.sandbox.settle_if_open(payment, outcome).await;
            }
        }
    }

    /// Acts as an operator, who retries or resolves an order that the sweeper gave up on. The order may have ended
    /// meanwhile, or another operator may have been faster.
    async fn operate(&self, number: u64) {
        let mut chances = Chances::new(self.seed, ROUNDS + number);
        while !self.is_over.get() {
            let customer = &self.customers[chances.up_to(1)];
            let open = customer
                .get("/operations/dead-letters?state=open&limit=100")
                .await;
            assert!(matches!(open.status, 200 | 503), "{open:?}");
            for dead_letter in open.body["items"].as_array().into_iter().flatten() {
                let id = dead_letter["id"].as_str().unwrap();
                let answer = operate_on(customer, id, chances.up_to(2)).await;
                assert!(matches!(answer.status, 200 | 202 | 409 | 503), "{answer:?}");
            }
            sleep(chances.pause(50)).await;
        }
    }

    /// Ends all faults, and returns once every order has ended and every webhook was applied.
    async fn come_to_rest(&self) {
        let database = &self.shop.database;
        until("everything comes to rest", async || {
            for order_id in self.shop.unsettled_orders().await {
                self.decide(&order_id, "succeeded").await;
            }
            database.pass_a_second().await;
            database
                .execute(
                    "UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL",
                )
                .await;
            let open = "SELECT count(*) FROM payments.gateway_events WHERE applied_at IS NULL";
            self.shop.unsettled_orders().await.is_empty()
                && self.shop.sandbox.undelivered().await == 0
                && database.number(open).await == 0
        })
        .await;
    }

    async fn check(&self) {
        let database = &self.shop.database;
        let several_ends = "
            SELECT order_id, count(*) FROM orders.events
            WHERE from_status = 'PENDING_PAYMENT' AND to_status <> 'PENDING_PAYMENT'
            GROUP BY tenant_id, order_id HAVING count(*) <> 1";
        let several_ends = database.rows(several_ends).await;
        assert!(several_ends.is_empty(), "{several_ends:?}");
        let kept = "SELECT count(idempotency_key) FROM orders.orders";
        assert_eq!(database.number(kept).await, i64::try_from(ROUNDS).unwrap());
        self.shop.assert_consistent().await;

        let ends = "SELECT actor, to_status, count(*) FROM orders.events
                    WHERE from_status = 'PENDING_PAYMENT' AND to_status <> 'PENDING_PAYMENT'
                    GROUP BY actor, to_status ORDER BY actor, to_status";
        let ends = database.rows(ends).await;
        let letters = "SELECT resolution, count(*) FROM orders.dead_letters GROUP BY resolution ORDER BY resolution";
        let letters = database.rows(letters).await;
        let events = "SELECT outcome, count(*) FROM payments.gateway_events GROUP BY outcome ORDER BY outcome";
        let events = database.rows(events).await;
        eprintln!("ends: {ends:?}\ndead letters: {letters:?}\nevents: {events:?}");
        let cancelled = "SELECT count(*) FROM orders.orders WHERE status = 'CANCELLED'";
        assert!(
            database.number(cancelled).await > 0,
            "no order was cancelled"
        );
        let mut winners: BTreeMap<&str, u64> = BTreeMap::new();
        for end in &ends {
            *winners.entry(&end[0]).or_default() += end[2].parse::<u64>().unwrap();
        }
        for racer in ["api:local", "sweeper", "webhook", "operator:local"] {
            assert!(
                winners.contains_key(racer),
                "{racer} took no part: {ends:?}"
            );
        }
    }
}

/// The outcome that a buyer was told does not change later, unless the order is cancelled.
fn assert_agree(first: &Answer, again: &Answer, cancels: bool) {
    let allowed: &[u16] = match first.status {
        201 if cancels => &[200, 409, 503],
        201 => &[200, 503],
        402 => &[402, 503],
        _ => &[200, 402, 409, 503],
    };
    let agree = allowed.contains(&again.status)
        && (again.status == 503 || again.order_id() == first.order_id());
    assert!(agree, "first {first:?}, then {again:?}");
}

async fn operate_on(operator: &Customer, dead_letter: &str, choice: usize) -> Answer {
    let path = |what: &str| format!("/operations/dead-letters/{dead_letter}/{what}");
    let resolve = |verdict: &str| {
        let body = json!({ "as": verdict, "reason": "seen in the dashboard" });
        operator.request(Method::POST, &path("resolve")).json(&body)
    };
    let request = match choice {
        0 => operator.request(Method::POST, &path("retry")),
        1 => resolve("paid"),
        _ => resolve("failed"),
    };
    Answer::of(request.send().await.unwrap()).await
}
