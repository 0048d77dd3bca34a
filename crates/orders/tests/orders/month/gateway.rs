//! A gateway in memory that is away at times, behind a breaker like the program's. It counts who calls it for which order.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use oms_payments::{
    Answered, BreakerState, ChargeId, ChargePage, ChargeWindow, DeclineCode, GatewayError,
    GatewayEventId, GatewayFault, ListedCharge, ListedDispute, ListedRefund, Operation,
    OperationKey, PaymentGateway, PaymentInstruction, PaymentStatus, PrepareRequest, Reference,
    RefundId, RefundOutcome, RefundRequest, ReportPage,
};
use oms_validation::Money;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use super::schedule::Schedule;
use crate::clock::TestClock;

/// How a payment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Pays,
    /// The money is taken, and the answer is lost.
    PaysSilently,
    /// The confirmation never arrives.
    IsLost,
    Declines,
    DeclinesSilently,
    /// The customer has to do something, and does.
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
    /// The money is taken silently, and whoever looks the payment up meets a defect until it is mended.
    Poisoned,
    /// The money is taken silently, and the attempt is then said to be another gateway's until that is mended.
    Disowned,
}

/// Where the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    BeforePreparing,
    /// The payment is prepared, and its reference is not known to us.
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

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Customer,
    Sweeper,
    Operator,
}

/// Calls for one order that have reached the gateway's door, answered or not.
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

/// What the gateway knows of one order.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub by_customer: Calls,
    pub by_sweeper: Calls,
    pub by_operator: Calls,
    /// How often the money was taken.
    pub charges: u32,
    /// Most calls of the sweeper in one minute.
    pub most_in_a_minute: u32,
    this_minute: (i64, u32),
}

struct Payment {
    amount: Money,
    status: PaymentStatus,
    /// What the customer or the bank makes of it, and when.
    later: Option<(DateTime<Utc>, PaymentStatus)>,
}

/// Opens after five failures, for five seconds at first and a minute at most, each by chance half as long.
struct Breaker {
    failures: u32,
    cool_down: TimeDelta,
    open_until: Option<DateTime<Utc>>,
}

const FAILURES: u32 = 5;
const COOL_DOWN: TimeDelta = TimeDelta::seconds(5);
pub const MAX_COOL_DOWN: TimeDelta = TimeDelta::seconds(60);
/// How often a call goes wrong while the gateway is there.
const FLAPS: f64 = 0.01;

struct State {
    random: StdRng,
    breaker: Breaker,
    payments: HashMap<Reference, Payment>,
    accounts: HashMap<Reference, Account>,
    fates: HashMap<Reference, Fate>,
    /// The fate of the order that is being placed.
    next_fate: Option<Fate>,
    caller: Caller,
    mended: bool,
}

pub struct MonthGateway {
    clock: Arc<TestClock>,
    schedule: Arc<Schedule>,
    state: Mutex<State>,
    /// The program has died.
    pub died: Notify,
}

pub fn reference_of(order_id: uuid::Uuid) -> Reference {
    Reference::parse(&format!("pi_{}", order_id.simple())).unwrap()
}

impl MonthGateway {
    pub fn new(seed: u64, clock: Arc<TestClock>, schedule: Arc<Schedule>) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed ^ 1),
            breaker: Breaker {
                failures: 0,
                cool_down: COOL_DOWN,
                open_until: None,
            },
            payments: HashMap::new(),
            accounts: HashMap::new(),
            fates: HashMap::new(),
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

    /// The next order's payment goes like this.
    pub fn expect(&self, fate: Fate) {
        self.state().next_fate = Some(fate);
        self.called_by(Caller::Customer);
    }

    pub fn called_by(&self, caller: Caller) {
        self.state().caller = caller;
    }

    /// Nothing that was poisoned is any more.
    pub fn mend(&self) {
        self.state().mended = true;
    }

    /// When the breaker lets a call through again; none if it does.
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

    /// One call: refused by the breaker, or counted and then answered, or not.
    fn call<T>(
        &self,
        operation: Operation,
        reference: &Reference,
        effect: impl FnOnce(&mut State, DateTime<Utc>) -> T,
    ) -> Result<Answered<T>, GatewayError> {
        let now = self.clock.time();
        let fails = |fault| GatewayError::new(operation, fault);
        let mut state = self.state();
        let state = &mut *state;
        if state.breaker.open_until.is_some_and(|until| now < until) {
            return Err(fails(GatewayFault::BreakerOpen));
        }
        state.count(operation, reference, now);
        let away = self.schedule.away_until(now).is_some();
        let flaps = now < self.schedule.end && state.random.random_bool(FLAPS);
        if !away && !flaps {
            state.breaker.succeeded();
            return Ok(Answered::of(effect(state, now)));
        }
        state.breaker.failed(now, &mut state.random);
        let fault = match state.random.random_range(0..3) {
            0 => return Err(fails(GatewayFault::NoConnection)),
            1 => GatewayFault::TimedOut,
            _ => GatewayFault::ServerError { status: 503 },
        };
        if state.random.random_bool(0.5) {
            effect(state, now);
        }
        Err(fails(fault))
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

    /// How a payment stands now.
    fn status(&mut self, reference: &Reference, now: DateTime<Utc>) -> PaymentStatus {
        let payment = self.payments.get_mut(reference).expect("it was prepared");
        let Some((at, status)) = payment.later.clone() else {
            return payment.status.clone();
        };
        let waits = matches!(
            payment.status,
            PaymentStatus::NeedsAction | PaymentStatus::Processing
        );
        if waits && at <= now {
            payment.later = None;
            self.set(reference, status);
        }
        self.payments[reference].status.clone()
    }

    fn set(&mut self, reference: &Reference, status: PaymentStatus) {
        if matches!(status, PaymentStatus::Paid { .. }) {
            self.accounts.get_mut(reference).unwrap().charges += 1;
        }
        self.payments.get_mut(reference).unwrap().status = status;
    }

    /// What a confirmation does.
    fn confirm(&mut self, reference: &Reference, now: DateTime<Utc>) -> PaymentStatus {
        let before = self.status(reference, now);
        if before != PaymentStatus::NotConfirmed {
            return before;
        }
        let amount = self.payments[reference].amount;
        let too_much = Money {
            amount_minor: amount.amount_minor + 1,
            ..amount
        };
        let paid = PaymentStatus::Paid { amount };
        let declined = PaymentStatus::Declined {
            code: DeclineCode::new("insufficient_funds"),
        };
        let (status, later) = match self.fates[reference] {
            Fate::Pays | Fate::PaysSilently | Fate::Poisoned | Fate::Disowned | Fate::Dies(_) => {
                (paid, None)
            }
            Fate::IsLost => return before,
            Fate::Declines | Fate::DeclinesSilently => (declined, None),
            Fate::Acts { after } => (PaymentStatus::NeedsAction, Some((now + after, paid))),
            Fate::NeverActs => (PaymentStatus::NeedsAction, None),
            Fate::IsProcessed { until, paid: true } => {
                (PaymentStatus::Processing, Some((now + until, paid)))
            }
            Fate::IsProcessed { until, paid: false } => {
                (PaymentStatus::Processing, Some((now + until, declined)))
            }
            Fate::Overcharges => (PaymentStatus::Paid { amount: too_much }, None),
        };
        self.set(reference, status.clone());
        self.payments.get_mut(reference).unwrap().later = later;
        status
    }

    /// Cancels what was neither paid nor left to the bank.
    fn cancel(&mut self, reference: &Reference, now: DateTime<Utc>) -> PaymentStatus {
        let status = self.status(reference, now);
        if matches!(
            status,
            PaymentStatus::Paid { .. } | PaymentStatus::Processing
        ) {
            return status;
        }
        self.set(reference, PaymentStatus::Cancelled);
        PaymentStatus::Cancelled
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
impl PaymentGateway for MonthGateway {
    fn name(&self) -> &'static str {
        "month"
    }

    fn is_available(&self) -> bool {
        self.refuses_until().is_none()
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let reference = reference_of(request.order_id.as_uuid());
        let next_fate = self.state().next_fate.take();
        if let Some(fate) = next_fate {
            self.state().fates.insert(reference.clone(), fate);
        }
        self.die_at(&reference, Place::BeforePreparing).await;
        let answer = self.call(Operation::Prepare, &reference, |state, _| {
            let payment = Payment {
                amount: request.amount,
                status: PaymentStatus::NotConfirmed,
                later: None,
            };
            state.payments.entry(reference.clone()).or_insert(payment);
            reference.clone()
        });
        self.die_at(&reference, Place::AfterPreparing).await;
        answer
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentInstruction,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.die_at(reference, Place::BeforeConfirming).await;
        let answer = self.call(Operation::Confirm, reference, |state, now| {
            state.confirm(reference, now)
        });
        self.die_at(reference, Place::AfterConfirming).await;
        match self.fate(reference) {
            Some(
                Fate::PaysSilently
                | Fate::IsLost
                | Fate::DeclinesSilently
                | Fate::Poisoned
                | Fate::Disowned,
            ) => answer.and(Err(GatewayError::new(
                Operation::Confirm,
                GatewayFault::TimedOut,
            ))),
            _ => answer,
        }
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        let answer = self.call(Operation::Lookup, reference, |state, now| {
            state.status(reference, now)
        });
        let poisoned = self.fate(reference) == Some(Fate::Poisoned) && !self.state().mended;
        assert!(!(poisoned && answer.is_ok()), "a defect over {reference}");
        answer
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.call(Operation::Cancel, reference, |state, now| {
            state.cancel(reference, now)
        })
    }

    async fn capture(
        &self,
        _: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        unreachable!("nothing is authorised only")
    }

    async fn refund(
        &self,
        _: &RefundRequest,
        _: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        unreachable!("nobody gives money back")
    }

    async fn find_refund(
        &self,
        _: &Reference,
        _: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        unreachable!("nobody gives money back")
    }

    async fn list_refunds(
        &self,
        _: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        unreachable!("nobody gives money back")
    }

    async fn list_disputes(
        &self,
        _: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
        unreachable!("nobody gives money back")
    }

    async fn list_reports(
        &self,
        _: &ChargeWindow,
        _: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError> {
        unreachable!("nobody compares the books")
    }

    async fn list_charges(
        &self,
        _: &ChargeWindow,
        _: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        unreachable!("nobody compares the books")
    }

    async fn find_charge(&self, _: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        unreachable!("nobody compares the books")
    }

    async fn refund_charge(
        &self,
        _: &ChargeId,
        _: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        unreachable!("nobody gives money back")
    }
}
