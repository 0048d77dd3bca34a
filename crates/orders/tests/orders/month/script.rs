//! The gateway of that month: it is down at times, sits behind a breaker like the program's, and gives each payment a
//! fate. Counts its callers for each order.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use oms_payments::{GatewayFault, Operation, PaymentStatus, Reference};
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Call, Plan, Script, ScriptedGateway, declined};
use oms_validation::Money;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use super::schedule::Schedule;

/// The fate of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Pays,
    /// The money is taken, but the answer is lost.
    PaysSilently,
    /// The confirmation never arrives.
    IsLost,
    Declines,
    DeclinesSilently,
    /// The customer must act, and does.
    Acts {
        after: TimeDelta,
    },
    NeverActs,
    /// The bank takes its time.
    IsProcessed {
        until: TimeDelta,
        paid: bool,
    },
    /// One minor unit too many is taken.
    Overcharges,
    /// The program dies.
    Dies(Place),
    /// The money is taken silently, and every lookup of the payment panics until that is fixed.
    Poisoned,
    /// The money is taken silently, and the attempt then appears to belong to another gateway until that is fixed.
    Disowned,
}

/// Where the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    BeforePreparing,
    /// The payment is prepared, but its reference is not stored.
    AfterPreparing,
    BeforeConfirming,
    /// The money is taken.
    AfterConfirming,
}

impl Place {
    pub const ALL: [Self; 4] = [
        Self::BeforePreparing,
        Self::AfterPreparing,
        Self::BeforeConfirming,
        Self::AfterConfirming,
    ];
}

/// The caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Customer,
    Sweeper,
    Operator,
}

/// Calls for one order that have reached the gateway, answered or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    pub prepare: u32,
    pub confirm: u32,
    pub lookup: u32,
    pub cancel: u32,
}

impl Calls {
    fn count(&mut self, operation: Operation) {
        match operation {
            Operation::Prepare => self.prepare += 1,
            Operation::Confirm => self.confirm += 1,
            Operation::Lookup => self.lookup += 1,
            Operation::Cancel => self.cancel += 1,
            other => panic!("{other} is not called in this month"),
        }
    }

    pub fn all(self) -> u32 {
        self.prepare + self.confirm + self.lookup + self.cancel
    }
}

/// What the gateway knows about one order.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub by_customer: Calls,
    pub by_sweeper: Calls,
    pub by_operator: Calls,
    /// Maximum number of calls of the sweeper in one minute.
    pub most_in_a_minute: u32,
    this_minute: (i64, u32),
}

/// Opens after five failures, first for five seconds and at most for a minute, each time shortened at random by up to
/// half.
struct Breaker {
    failures: u32,
    cool_down: TimeDelta,
    open_until: Option<DateTime<Utc>>,
}

const FAILURES: u32 = 5;
const COOL_DOWN: TimeDelta = TimeDelta::seconds(5);
pub const MAX_COOL_DOWN: TimeDelta = TimeDelta::seconds(60);
/// Probability that a call fails while the gateway is up.
const FLAPS: f64 = 0.01;

struct State {
    random: StdRng,
    breaker: Breaker,
    accounts: HashMap<Reference, Account>,
    fates: HashMap<Reference, Fate>,
    /// What customers and banks will decide later, and when.
    later: HashMap<Reference, (DateTime<Utc>, PaymentStatus)>,
    /// The fate of the order that is being placed.
    next_fate: Option<Fate>,
    caller: Caller,
    mended: bool,
}

/// The month as the gateway's script.
pub struct MonthScript {
    clock: Arc<TestClock>,
    schedule: Arc<Schedule>,
    state: Mutex<State>,
    /// Notified when the program dies.
    pub died: Notify,
}

impl MonthScript {
    pub fn new(seed: u64, clock: Arc<TestClock>, schedule: Arc<Schedule>) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed ^ 1),
            breaker: Breaker {
                failures: 0,
                cool_down: COOL_DOWN,
                open_until: None,
            },
            accounts: HashMap::new(),
            fates: HashMap::new(),
            later: HashMap::new(),
            next_fate: None,
            caller: Caller::Sweeper,
            mended: false,
        };
        Self {
            clock,
            schedule,
            state: Mutex::new(state),
            died: Notify::new(),
        }
    }

    /// Sets the fate of the next order's payment.
    pub fn expect(&self, fate: Fate) {
        self.state().next_fate = Some(fate);
        self.called_by(Caller::Customer);
    }

    pub fn called_by(&self, caller: Caller) {
        self.state().caller = caller;
    }

    /// Ends the poisoning of all payments.
    pub fn mend(&self) {
        self.state().mended = true;
    }

    /// When the breaker lets a call through again; `None` if it does now.
    pub fn refuses_until(&self) -> Option<DateTime<Utc>> {
        let until = self.state().breaker.open_until;
        until.filter(|until| self.clock.time() < *until)
    }

    pub fn account(&self, reference: &Reference) -> Account {
        let accounts = &self.state().accounts;
        accounts.get(reference).cloned().unwrap_or_default()
    }

    pub fn fate(&self, reference: &Reference) -> Option<Fate> {
        self.state().fates.get(reference).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The fault of a call that the breaker refuses or the gateway does not answer, and whether the call takes effect.
    fn fault(&self, operation: Operation, reference: &Reference) -> Option<(GatewayFault, bool)> {
        let now = self.clock.time();
        let mut state = self.state();
        let state = &mut *state;
        if state.breaker.open_until.is_some_and(|until| now < until) {
            return Some((GatewayFault::BreakerOpen, false));
        }
        state.count(operation, reference, now);
        let away = self.schedule.away_until(now).is_some();
        let flaps = now < self.schedule.end && state.random.random_bool(FLAPS);
        if !away && !flaps {
            state.breaker.succeeded();
            return None;
        }
        state.breaker.failed(now, &mut state.random);
        let fault = match state.random.random_range(0..3) {
            0 => return Some((GatewayFault::NoConnection, false)),
            1 => GatewayFault::TimedOut,
            _ => GatewayFault::ServerError { status: 503 },
        };
        Some((fault, state.random.random_bool(0.5)))
    }

    /// Applies the decisions of a payment's customer and bank that are due.
    fn decide(&self, gateway: &ScriptedGateway, reference: &Reference) {
        let now = self.clock.time();
        let mut state = self.state();
        let Some((at, status)) = state.later.get(reference).cloned() else {
            return;
        };
        let waits = matches!(
            gateway.status(reference),
            PaymentStatus::NeedsAction | PaymentStatus::Processing
        );
        if waits && at <= now {
            state.later.remove(reference);
            gateway.decide(reference, status);
        }
    }

    /// Confirms a payment according to its fate.
    fn confirm(&self, gateway: &ScriptedGateway, reference: &Reference) {
        if gateway.status(reference) != PaymentStatus::NotConfirmed {
            return;
        }
        let amount = gateway.asked(reference);
        let too_much = Money {
            amount_minor: amount.amount_minor + 1,
            ..amount
        };
        let paid = PaymentStatus::Paid { amount };
        let no = declined("insufficient_funds");
        let (status, later) = match self.state().fates[reference] {
            Fate::Pays | Fate::PaysSilently | Fate::Poisoned | Fate::Disowned | Fate::Dies(_) => {
                (paid, None)
            }
            Fate::IsLost => return,
            Fate::Declines | Fate::DeclinesSilently => (no, None),
            Fate::Acts { after } => (PaymentStatus::NeedsAction, Some((after, paid))),
            Fate::NeverActs => (PaymentStatus::NeedsAction, None),
            Fate::IsProcessed { until, paid: true } => {
                (PaymentStatus::Processing, Some((until, paid)))
            }
            Fate::IsProcessed { until, paid: false } => {
                (PaymentStatus::Processing, Some((until, no)))
            }
            Fate::Overcharges => (PaymentStatus::Paid { amount: too_much }, None),
        };
        gateway.set(reference, status);
        if let Some((after, status)) = later {
            let decision = (self.clock.time() + after, status);
            self.state().later.insert(reference.clone(), decision);
        }
    }

    fn is_poisoned(&self, reference: &Reference) -> bool {
        self.fate(reference) == Some(Fate::Poisoned) && !self.state().mended
    }

    async fn die_at(&self, reference: &Reference, place: Place) {
        let dies = self.fate(reference) == Some(Fate::Dies(place));
        if dies && self.state().caller == Caller::Customer {
            self.died.notify_one();
            pending::<()>().await;
        }
    }
}

impl State {
    fn count(&mut self, operation: Operation, reference: &Reference, now: DateTime<Utc>) {
        let account = self.accounts.entry(reference.clone()).or_default();
        let calls = match self.caller {
            Caller::Customer => &mut account.by_customer,
            Caller::Sweeper => &mut account.by_sweeper,
            Caller::Operator => &mut account.by_operator,
        };
        calls.count(operation);
        if self.caller == Caller::Sweeper {
            let minute = now.timestamp() / 60;
            let (last, calls) = account.this_minute;
            let calls = if last == minute { calls + 1 } else { 1 };
            account.this_minute = (minute, calls);
            account.most_in_a_minute = account.most_in_a_minute.max(calls);
        }
    }
}

impl Breaker {
    fn succeeded(&mut self) {
        *self = Self {
            failures: 0,
            cool_down: COOL_DOWN,
            open_until: None,
        };
    }

    fn failed(&mut self, now: DateTime<Utc>, random: &mut StdRng) {
        self.failures += 1;
        if self.open_until.is_some() {
            self.cool_down = (self.cool_down * 2).min(MAX_COOL_DOWN);
        } else if self.failures < FAILURES {
            return;
        }
        let half = self.cool_down / 2;
        let ms = random.random_range(0..half.num_milliseconds());
        self.open_until = Some(now + half + TimeDelta::milliseconds(ms));
    }
}

#[async_trait]
impl Script for MonthScript {
    async fn before(&self, gateway: &ScriptedGateway, call: &Call) -> Option<Plan> {
        let reference = call
            .reference
            .as_ref()
            .expect("every call is about a payment");
        match call.operation {
            Operation::Prepare => {
                let fate = self.state().next_fate.take();
                if let Some(fate) = fate {
                    self.state().fates.insert(reference.clone(), fate);
                }
                self.die_at(reference, Place::BeforePreparing).await;
            }
            Operation::Confirm => self.die_at(reference, Place::BeforeConfirming).await,
            _ => {}
        }
        let fault = self.fault(call.operation, reference);
        if call.operation == Operation::Prepare {
            return Some(failing(fault));
        }
        self.decide(gateway, reference);
        let is_silent = match call.operation {
            Operation::Confirm => {
                if fault.as_ref().is_none_or(|(_, has_effect)| *has_effect) {
                    self.confirm(gateway, reference);
                }
                is_silent(self.fate(reference))
            }
            Operation::Lookup if fault.is_none() && self.is_poisoned(reference) => {
                return Some(Plan::Panic);
            }
            _ => false,
        };
        Some(match (fault, call.operation) {
            (None, _) if is_silent => Plan::FailBefore(GatewayFault::TimedOut),
            // The script has confirmed it.
            (None, Operation::Confirm) => Plan::Become(gateway.status(reference)),
            (Some((fault, _)), Operation::Confirm) => Plan::FailBefore(fault),
            (fault, _) => failing(fault),
        })
    }

    async fn after(&self, call: &Call) {
        let Some(reference) = &call.reference else {
            return;
        };
        match call.operation {
            Operation::Prepare => self.die_at(reference, Place::AfterPreparing).await,
            Operation::Confirm => self.die_at(reference, Place::AfterConfirming).await,
            _ => {}
        }
    }

    fn is_available(&self) -> bool {
        self.refuses_until().is_none()
    }
}

fn failing(fault: Option<(GatewayFault, bool)>) -> Plan {
    match fault {
        None => Plan::Succeed,
        Some((fault, true)) => Plan::FailAfter(fault),
        Some((fault, false)) => Plan::FailBefore(fault),
    }
}

/// Whether the answer to a confirmation is lost.
fn is_silent(fate: Option<Fate>) -> bool {
    matches!(
        fate,
        Some(
            Fate::PaysSilently
                | Fate::IsLost
                | Fate::DeclinesSilently
                | Fate::Poisoned
                | Fate::Disowned
        )
    )
}
