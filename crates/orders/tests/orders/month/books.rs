//! What must be true every day, at the end of the month, and after the operator has decided everything.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_orders::{OrderSettings, measure_backlog};
use oms_payments::{ListedCharge, Reference};
use oms_testing::gateway::reference_of;
use oms_testing::invariants::assert_invariants;
use uuid::Uuid;

use super::schedule::DAY;
use super::script::{Account, Fate};
use super::{MAX_COOL_DOWN, Month, PIECES, SWEEP_INTERVAL};

/// Maximum number of calls per try of the sweeper: to prepare a payment without a reference, to look it up, to cancel
/// it.
const CALLS_A_TRY: u32 = 3;

#[derive(QueryableByName)]
struct OrderRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    /// How often it was left to an operator.
    #[diesel(sql_type = BigInt)]
    dead_letters: i64,
    /// The number of tries that the dead letters report.
    #[diesel(sql_type = BigInt)]
    given_up_after: i64,
    #[diesel(sql_type = BigInt)]
    open_dead_letters: i64,
}

/// Each query returns violations of a rule of this month, one text each.
const RULES: [&str; 6] = [
    "SELECT format('%s is not settled: %s', id, status) FROM orders.orders WHERE status NOT IN ('PAID', 'FAILED')
     UNION ALL SELECT format('%s is on the worklist', order_id) FROM orders.reconciliations
     UNION ALL SELECT format('%s needs an operator', order_id) FROM orders.dead_letters WHERE resolved_at IS NULL",
    "SELECT format('%s was settled %s times', order_id, count(*)) FROM orders.events
     WHERE from_status IS DISTINCT FROM to_status AND to_status IN ('PAID', 'FAILED')
     GROUP BY tenant_id, order_id HAVING count(*) <> 1",
    "SELECT format('%s of %s: reserved %s and sent %s, sold %s', s.product_id, s.warehouse_id, s.reserved, p.sent, p.sold)
     FROM inventory.stock_levels s
     CROSS JOIN (
         SELECT 3 * count(*) AS sold,
                (SELECT coalesce(sum(sl.quantity), 0) FROM fulfilment.shipments sh
                 JOIN fulfilment.shipment_lines sl ON (sl.tenant_id, sl.shipment_id) = (sh.tenant_id, sh.id)
                 WHERE sh.status IN ('SHIPPED', 'DELIVERED')) AS sent
         FROM orders.orders WHERE status = 'PAID'
     ) p
     WHERE s.reserved + p.sent <> p.sold",
    "SELECT format('%s of %s: %s on hand, %s received, %s sent', s.product_id, s.warehouse_id, s.on_hand, m.received, m.sent)
     FROM inventory.stock_levels s
     CROSS JOIN LATERAL (
         SELECT coalesce(sum(quantity) FILTER (WHERE kind = 'receipt'), 0) AS received,
                coalesce(-sum(quantity) FILTER (WHERE kind LIKE 'shipment%'), 0) AS sent
         FROM inventory.stock_movements m
         WHERE (m.tenant_id, m.warehouse_id, m.product_id) = (s.tenant_id, s.warehouse_id, s.product_id)
     ) m
     WHERE s.on_hand <> m.received - m.sent OR m.sent = 0",
    "SELECT format('alerts of %s wait', tenant_id) FROM events.sinks WHERE due_at IS NOT NULL
     UNION ALL SELECT format('an event of %s is not relayed', tenant_id) FROM events.outbox",
    "SELECT format('%s was given up on after %s tries: %s', order_id, tries, reason)
     FROM orders.dead_letters
     WHERE tries <> 20 AND reason NOT LIKE '%another amount%'",
];

/// How often backoff lets the sweeper try one order within a minute if every pause is the shortest: a tenth of its
/// ceiling, which doubles with each try.
fn most_tries_in_a_minute(settings: &OrderSettings) -> u32 {
    let (base, cap) = settings.sweep_backoff;
    let mut passed = Duration::ZERO;
    let mut tries = 0;
    while passed < Duration::from_secs(60) {
        tries += 1;
        passed += (base * 2_u32.pow(tries)).min(cap) / 10;
    }
    tries
}

impl Month {
    /// When the sweeper's next order is due.
    pub async fn first_due(&mut self) -> Option<DateTime<Utc>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Nullable<Timestamptz>)]
            due_at: Option<DateTime<Utc>>,
        }
        let query = diesel::sql_query("SELECT min(due_at) AS due_at FROM orders.reconciliations");
        let row: Row = query.get_result(&mut self.connection).await.unwrap();
        row.due_at
    }

    /// How often an order was left to an operator.
    pub async fn dead_letters_of(&mut self, order_id: Uuid) -> usize {
        let orders = self.orders().await;
        let order = orders.iter().find(|order| order.id == order_id).unwrap();
        usize::try_from(order.dead_letters).unwrap()
    }

    async fn orders(&mut self) -> Vec<OrderRow> {
        let query = diesel::sql_query(
            "SELECT o.id, o.status, o.created_at, count(d) AS dead_letters,
                    coalesce(sum(d.tries), 0)::bigint AS given_up_after,
                    count(d) FILTER (WHERE d.resolved_at IS NULL) AS open_dead_letters
             FROM orders.orders o
             LEFT JOIN orders.dead_letters d ON (d.tenant_id, d.order_id) = (o.tenant_id, o.id)
             GROUP BY o.tenant_id, o.id",
        );
        query.load(&mut self.connection).await.unwrap()
    }

    pub async fn words(&mut self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            words: String,
        }
        let query = diesel::sql_query(format!("SELECT words FROM ({sql}) rule (words)"));
        let rows: Vec<Row> = query.load(&mut self.connection).await.unwrap();
        rows.into_iter().map(|row| row.words).collect()
    }

    /// Every day: apart from outages, the sweeper keeps no order for longer than the customer's time and all its tries
    /// take, and the lag is no longer than an outage.
    pub async fn check_what_waits(&mut self) {
        let now = self.clock.time();
        let (_, longest_pause) = self.settings.sweep_backoff;
        let with_the_sweeper = self.settings.sweep_after
            + self.settings.pending_payment_deadline
            + longest_pause * self.settings.sweep_max_tries;
        // After an outage the breaker may stay open for its cool-down, and a lease may have expired.
        let slack = TimeDelta::hours(1);
        let most = TimeDelta::from_std(with_the_sweeper).unwrap() + slack;
        for order in self.orders().await {
            if order.status != "PENDING_PAYMENT" || order.dead_letters > 0 {
                continue;
            }
            let time = order.created_at..now;
            let waited = (now - order.created_at) - self.schedule.away_during(&time);
            assert!(waited <= most, "{} waits for {waited}", order.id);
        }
        let lag = measure_backlog(&self.context).await.unwrap().sweep_lag;
        let most = self.schedule.longest_outage() + MAX_COOL_DOWN + SWEEP_INTERVAL;
        assert!(TimeDelta::from_std(lag).unwrap() <= most, "{lag:?}");
    }

    /// Before the operator's last round: every unsettled order needs an operator.
    pub async fn check_what_is_left(&mut self) {
        for order in self.orders().await {
            let unsettled = order.status == "PENDING_PAYMENT";
            assert!(unsettled || order.status == "PAID" || order.status == "FAILED");
            assert_eq!(
                order.open_dead_letters,
                i64::from(unsettled),
                "{}",
                order.id
            );
        }
        assert!(self.first_due().await.is_none());
    }

    /// After it: everything is settled, both in our books and at the gateway.
    pub async fn check_the_books(&mut self) {
        self.alert().await;
        assert_invariants(&mut self.connection).await;
        for rule in RULES {
            let broken = self.words(rule).await;
            assert!(broken.is_empty(), "{broken:#?}");
        }
        let received =
            "SELECT sum(quantity)::text FROM inventory.stock_movements WHERE kind = 'receipt'";
        assert_eq!(self.words(received).await, [PIECES.to_string()]);

        for order in self.orders().await {
            let charges = self.charges_of(&reference_of(order.id.into()));
            let expected = usize::from(order.status == "PAID");
            assert_eq!(charges, expected, "{} is {}", order.id, order.status);
        }
        let delivered = self.pager.0.lock().unwrap().clone();
        let subjects: HashSet<Uuid> = delivered.iter().copied().collect();
        assert_eq!(
            subjects.len(),
            delivered.len(),
            "an alert was delivered twice"
        );
        assert_eq!(delivered.len(), self.swept.dead_lettered);
    }

    /// No order cost more calls than its budget, in total or in any minute. An order that was given up was tried as
    /// often as reported: a call that the breaker refused is not a try.
    pub async fn check_the_calls(&mut self) {
        let most_in_a_minute = CALLS_A_TRY * most_tries_in_a_minute(&self.settings);
        for order in self.orders().await {
            let reference = reference_of(order.id.into());
            let account = self.script.account(&reference);
            self.check_the_budget(&order, &account);
            let most = account.most_in_a_minute;
            assert!(
                most <= most_in_a_minute,
                "{} in a minute: {}",
                most,
                order.id
            );
            let tries = u32::try_from(order.given_up_after).unwrap();
            // An attempt that seems to belong to another gateway gets no calls.
            if self.script.fate(&reference) != Some(Fate::Disowned) {
                assert!(
                    tries <= account.by_sweeper.all(),
                    "{}: {account:?}",
                    order.id
                );
            }
        }
    }

    /// How often a payment was charged.
    fn charges_of(&self, payment: &Reference) -> usize {
        self.gateway.with_charges(|charges| {
            let of_it = |it: &&ListedCharge| it.reference.as_ref() == Some(payment);
            charges.iter().filter(of_it).count()
        })
    }

    fn check_the_budget(&self, order: &OrderRow, account: &Account) {
        let rounds = u32::try_from(order.dead_letters).unwrap() + 1;
        let tries = self.settings.sweep_max_tries * rounds;
        // For orders that wait for the customer, if each pause is the shortest possible.
        let looks = 120;
        let (customer, sweeper) = (account.by_customer, account.by_sweeper);
        let within = customer.prepare <= 1
            && customer.confirm <= 1
            && customer.lookup <= 1
            && customer.cancel == 0
            && sweeper.prepare <= tries
            && sweeper.confirm == 0
            && sweeper.lookup <= tries + looks
            && sweeper.cancel <= tries
            && account.by_operator.all() <= CALLS_A_TRY * rounds * 34;
        assert!(within, "{}: {account:?}", order.id);
    }

    /// Checks that every kind of trouble happened, because a month without trouble proves nothing.
    pub async fn check_that_all_of_it_happened(&mut self) {
        let swept = self.swept;
        let counts = [swept.paid, swept.failed, swept.postponed, swept.refused];
        assert!(counts.iter().all(|count| *count > 10), "{swept:?}");
        let given_up = "SELECT DISTINCT CASE
                WHEN reason LIKE '%another amount%' THEN 'amount'
                WHEN reason LIKE '%pending%' THEN 'bank'
                WHEN reason LIKE '%another gateway%' OR reason LIKE '%belongs to the gateway%' THEN 'disowned'
                WHEN reason LIKE '%panicked%' THEN 'defect'
                ELSE 'gateway' END
            FROM orders.dead_letters ORDER BY 1";
        let reasons = self.words(given_up).await;
        assert_eq!(reasons, ["amount", "bank", "defect", "disowned", "gateway"]);
        let away = self
            .schedule
            .away_during(&(self.clock.time() - DAY * 365..self.clock.time()));
        assert!(away >= DAY * 3, "{away}");
    }
}
