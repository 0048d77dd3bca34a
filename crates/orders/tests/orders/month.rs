//! A month of the sweeper's life, on a clock that jumps from one event to the next: the gateway is down a tenth of the
//! time, orders are interrupted in every way, and once a day an operator handles the dead letters and a warehouse sends
//! what was paid.
//!
//! One seed determines outages, arrivals and fates; the sweeper's pauses are random. `OMS_MONTH_SEED` sets the seed,
//! which is printed when a test fails.

mod books;
mod schedule;
mod script;
mod warehouse;

use std::env;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use oms_database::Connection;
use oms_events::{EventSink, EventsContext, Message, Published, Publisher, relay};
use oms_inventory::load_catalogue;
use oms_orders::{
    DeadLetter, DeadLetterFilter, OrderContext, OrderEvents, OrderSettings, PlacedOrder, Reason,
    SweepSummary, Verdict, list_dead_letters, measure_backlog, place_order, resolve_dead_letter,
    retry_dead_letter, sweep_orders,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::ScriptedGateway;
use oms_testing::{PATIENCE, TestDatabase};
use oms_validation::{Currency, IdempotencyKey, OperatorName, PageSize};
use oms_work::CancellationToken;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use uuid::Uuid;

use crate::shop::{catalogue, context, tenant, three_pieces};
use schedule::{DAY, Schedule};
use script::{Caller, Fate, MAX_COOL_DOWN, MonthScript};

/// Enough for all orders.
const PIECES: u32 = 10_000;
/// How often an operator retries an order before its cause is fixed on the last day.
const MOST_RETRIES: usize = 3;
/// How often the sweeper checks whether something is due.
const SWEEP_INTERVAL: TimeDelta = TimeDelta::seconds(1);

/// Prints the seed if the test fails.
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with OMS_MONTH_SEED={}", self.0);
        }
    }
}

/// The seed of a month: the given one, or that of `OMS_MONTH_SEED`.
pub fn seed(usual: u64) -> u64 {
    env::var("OMS_MONTH_SEED").map_or(usual, |seed| seed.parse().unwrap())
}

/// The subjects of what was delivered.
#[derive(Default)]
struct Pager(Mutex<Vec<Uuid>>);

#[async_trait]
impl EventSink for Pager {
    fn name(&self) -> &'static str {
        "alert_log"
    }

    fn record_types(&self) -> Option<&[&'static str]> {
        Some(&["dead_letter.opened", "finding.opened"])
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn publish(&self, messages: &[Message], _: Instant) -> Published {
        let subjects = messages.iter().map(|message| message.subject().id);
        self.0.lock().unwrap().extend(subjects);
        Published {
            acknowledged: messages.len(),
            error: None,
        }
    }
}

struct Month {
    clock: Arc<TestClock>,
    schedule: Arc<Schedule>,
    script: Arc<MonthScript>,
    gateway: Arc<ScriptedGateway>,
    context: Arc<OrderContext>,
    settings: OrderSettings,
    events: Arc<EventsContext>,
    alerting: Publisher,
    pager: Arc<Pager>,
    connection: Connection,
    /// The sum of all turns of the sweeper.
    swept: SweepSummary,
    turns: usize,
    random: StdRng,
    _database: TestDatabase,
}

impl Month {
    async fn begin(seed: u64) -> Self {
        let database = TestDatabase::create();
        let clock = TestClock::at_noon();
        let schedule = Arc::new(Schedule::of(seed, clock.time()));
        let script = Arc::new(MonthScript::new(seed, clock.clone(), schedule.clone()));
        let gateway = Arc::new(ScriptedGateway::following(script.clone()));
        // The machine's own time passes slower or faster than the clock's.
        let settings = OrderSettings {
            batch_wait: PATIENCE,
            ..OrderSettings::new(Currency::parse("USD").unwrap())
        };
        let context = context(database.pool(8), &gateway, Some(&clock), settings);
        let mut connection = database.connect().await;
        let catalogue = catalogue(&[[PIECES]]);
        load_catalogue(&mut connection, tenant(), &catalogue)
            .await
            .unwrap();
        let pager = Arc::new(Pager::default());
        let stopping = CancellationToken::new();
        let events = EventsContext::new(database.pool(4), Arc::new(OrderEvents), &[], stopping);
        let events = Arc::new(events.with_sinks(vec![pager.clone()]));
        Self {
            alerting: Publisher::new(events.clone(), pager.clone()),
            events,
            context,
            clock,
            schedule,
            script,
            gateway,
            settings,
            pager,
            connection,
            swept: SweepSummary::default(),
            turns: 0,
            random: StdRng::seed_from_u64(seed + 1),
            _database: database,
        }
    }

    /// Lets everything happen until `end`, in order of time.
    async fn pass_until(&mut self, end: DateTime<Utc>, arrivals: &[(DateTime<Utc>, Fate)]) {
        let mut arrivals = arrivals.iter().enumerate().peekable();
        let mut round_at = self.clock.time() + DAY;
        loop {
            let (sweep_at, arrival_at) = (self.sweep_at().await, arrivals.peek().map(|it| it.1.0));
            let times = [sweep_at, arrival_at, Some(round_at)];
            let next = times.into_iter().flatten().min().unwrap();
            if next >= end {
                return self.clock.set(end);
            }
            self.clock.set(next.max(self.clock.time()));
            if arrival_at == Some(next) {
                let (number, (_, fate)) = arrivals.next().unwrap();
                self.place(number, *fate).await;
            } else if sweep_at == Some(next) {
                self.sweep().await;
            } else {
                self.check_what_waits().await;
                self.go_round().await;
                self.send_and_deliver().await;
                round_at += DAY;
            }
        }
    }

    /// When the sweeper next has something to do, if the breaker allows it.
    async fn sweep_at(&mut self) -> Option<DateTime<Utc>> {
        let due = self.first_due().await?;
        let soon = self.clock.time() + SWEEP_INTERVAL;
        Some(
            due.max(soon)
                .max(self.script.refuses_until().unwrap_or(soon)),
        )
    }

    async fn place(&mut self, number: usize, fate: Fate) {
        self.script.expect(fate);
        let key = IdempotencyKey::parse(&format!("order-{number}")).unwrap();
        let request = three_pieces();
        let placing = place_order(&self.context, tenant(), &key, &request, "api");
        let answer = tokio::select! {
            answer = placing => answer,
            // The dying program takes all of its work with it.
            () = self.script.died.notified() => return,
        };
        if let (Fate::Disowned, Ok(PlacedOrder::Pending(order))) = (fate, answer) {
            let order_id = order.order_id;
            self.execute(&format!(
                "UPDATE payments.attempts SET gateway = 'other' WHERE order_id = '{order_id}'"
            ))
            .await;
        }
    }

    async fn sweep(&mut self) {
        self.script.called_by(Caller::Sweeper);
        loop {
            let turn = sweep_orders(&self.context).await.unwrap();
            self.turns += 1;
            self.swept = sum(self.swept, turn);
            if turn.dead_lettered > 0 {
                self.alert().await;
            }
            if !turn.more_due {
                break;
            }
        }
        if self.script.refuses_until().is_none() {
            let backlog = measure_backlog(&self.context).await.unwrap();
            assert_eq!(
                backlog.sweep_lag,
                Duration::ZERO,
                "a turn left due orders behind"
            );
        }
    }

    /// Operators are alerted of everything that happened.
    async fn alert(&self) {
        let stopping = CancellationToken::new();
        loop {
            let relayed = relay(&self.events, &stopping).await.unwrap();
            if relayed.events == 0 && !relayed.more {
                break;
            }
        }
        while self.alerting.turn(&stopping).await.unwrap() {}
    }

    /// The operator handles every open dead letter.
    async fn go_round(&mut self) {
        self.script.called_by(Caller::Operator);
        for dead_letter in self.open_dead_letters().await {
            self.decide(&dead_letter).await;
        }
    }

    async fn open_dead_letters(&self) -> Vec<DeadLetter> {
        let size = PageSize::new(100).unwrap();
        let filter = DeadLetterFilter::Open;
        let page = list_dead_letters(&self.context, tenant(), filter, None, size).await;
        let page = page.unwrap();
        assert!(
            page.next.is_none(),
            "more than one page of open dead letters"
        );
        page.items
    }

    /// If the gateway is down, the decision waits for tomorrow.
    async fn decide(&mut self, dead_letter: &DeadLetter) {
        let ann = OperatorName::parse("ann").unwrap();
        let (id, reason) = (
            dead_letter.id,
            Reason::parse("seen in the dashboard").unwrap(),
        );
        let (context, tenant) = (&self.context, tenant());
        if dead_letter.reason.contains("another amount") {
            let verdict = Verdict::Paid;
            let _ = resolve_dead_letter(context, tenant, id, None, verdict, &ann, &reason).await;
            return;
        }
        let times = self.dead_letters_of(dead_letter.order_id.as_uuid()).await;
        if times <= MOST_RETRIES || self.clock.time() > self.schedule.end {
            retry_dead_letter(&self.context, tenant, id, None, &ann)
                .await
                .unwrap();
        }
    }

    /// Removes every cause that keeps orders from being settled.
    async fn mend(&mut self) {
        self.script.mend();
        self.execute("UPDATE payments.attempts SET gateway = 'scripted'")
            .await;
    }

    async fn execute(&mut self, sql: &str) {
        self.connection.batch_execute(sql).await.unwrap();
    }
}

fn sum(one: SweepSummary, other: SweepSummary) -> SweepSummary {
    SweepSummary {
        paid: one.paid + other.paid,
        failed: one.failed + other.failed,
        cancelled: one.cancelled + other.cancelled,
        refunded: one.refunded + other.refunded,
        refund_failed: one.refund_failed + other.refund_failed,
        postponed: one.postponed + other.postponed,
        refused: one.refused + other.refused,
        dead_lettered: one.dead_lettered + other.dead_lettered,
        superseded: one.superseded + other.superseded,
        more_due: false,
    }
}

#[tokio::test]
async fn after_a_month_of_outages_every_order_is_settled_once_and_nothing_is_lost() {
    let seed = seed(20_301);
    let _seed = Seed(seed);
    let mut month = Month::begin(seed).await;
    let schedule = month.schedule.clone();
    month.pass_until(schedule.end, &schedule.arrivals).await;
    // The last banks decide, and the gateway stays up.
    month.pass_until(schedule.end + DAY * 3, &[]).await;
    month.check_what_is_left().await;

    month.mend().await;
    month.go_round().await;
    month.pass_until(schedule.end + DAY * 4, &[]).await;
    month.check_the_books().await;
    month.check_the_calls().await;
    month.check_that_all_of_it_happened().await;
}
