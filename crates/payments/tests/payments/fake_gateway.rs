//! A gateway in memory that keeps its payments and does as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::DateTime;
use oms_database::Database;
use oms_payments::{
    Answered, AttemptState, BreakerState, Capture, ChargeId, ChargePage, ChargeStatus,
    ChargeWindow, DeclineCode, GatewayError, GatewayEventId, GatewayFault, ListedCharge,
    ListedDispute, ListedRefund, Operation, OperationKey, PaymentGateway, PaymentInstruction,
    PaymentMethod, PaymentStatus, PrepareRequest, Reference, RefundId, RefundOutcome,
    RefundRequest, ReportPage, find_payment,
};
use oms_validation::{Money, OrderId, TenantId};
use uuid::Uuid;

mod refunds;
use refunds::Refunds;

/// What happens to one call.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// It fails before it has an effect.
    FailBefore(GatewayFault),
    /// It has its effect, and the answer is lost.
    FailAfter(GatewayFault),
    /// The payment becomes this.
    Become(PaymentStatus),
    /// It fails without an effect, and so does every other call with its key.
    FailKey(GatewayFault),
    /// The refund becomes this.
    Refund(fn(Reference, Money) -> RefundOutcome),
}

#[derive(Default)]
struct Ledger {
    by_key: HashMap<String, Reference>,
    payments: HashMap<Reference, (Money, PaymentStatus)>,
    plans: HashMap<&'static str, VecDeque<Plan>>,
    calls: Vec<Operation>,
    /// The oldest first; made one second after the other.
    charges: Vec<ListedCharge>,
    owners: HashMap<Reference, (OrderId, TenantId)>,
    refunds: Refunds,
    /// The state that the watched attempt had in the database when a call came in.
    seen: Vec<(Operation, AttemptState)>,
}

/// When the first charge is made, in Unix seconds.
pub(crate) const FIRST_CHARGE_AT: i64 = 1_790_000_000;

impl Ledger {
    fn charge(&mut self, reference: &Reference, asked: Money, taken: Money) {
        let owner = self.owners.get(reference);
        let number = i64::try_from(self.charges.len()).unwrap();
        self.charges.push(ListedCharge {
            id: ChargeId::parse(&format!("ch_{number}")).unwrap(),
            reference: Some(reference.clone()),
            amount: asked,
            captured: taken,
            refunded: Money::zero(taken.currency),
            status: ChargeStatus::Succeeded,
            capture: Capture::Captured,
            disputed: false,
            created_at: DateTime::from_timestamp(FIRST_CHARGE_AT + number, 0).unwrap(),
            order_id: owner.map(|owner| owner.0),
            tenant_id: owner.map(|owner| owner.1),
            installation_id: None,
        });
    }
}

/// What a gateway looks at while it is asked.
struct Watch {
    /// A pool with a single connection: a call that is made with it in hand can't get it.
    database: Database,
    tenant_id: TenantId,
    order_id: OrderId,
}

#[derive(Default)]
pub(crate) struct FakeGateway {
    ledger: Mutex<Ledger>,
    watch: Option<Watch>,
}

pub(crate) fn token() -> PaymentInstruction {
    PaymentMethod::parse_token("pm_card_visa").unwrap().into()
}

impl FakeGateway {
    pub(crate) fn watching(database: Database, tenant_id: TenantId, order_id: OrderId) -> Self {
        let watch = Watch {
            database,
            tenant_id,
            order_id,
        };
        Self {
            watch: Some(watch),
            ..Self::default()
        }
    }

    /// The next call of this kind goes like this.
    pub(crate) fn plan(&self, operation: Operation, plan: Plan) {
        let mut ledger = self.ledger.lock().unwrap();
        let plans = ledger.plans.entry(operation.as_str()).or_default();
        plans.push_back(plan);
    }

    pub(crate) fn calls(&self) -> Vec<Operation> {
        self.ledger.lock().unwrap().calls.clone()
    }

    pub(crate) fn charges(&self) -> usize {
        self.ledger.lock().unwrap().charges.len()
    }

    pub(crate) fn payments(&self) -> Vec<PaymentStatus> {
        let ledger = self.ledger.lock().unwrap();
        let statuses = ledger.payments.values();
        statuses.map(|(_, status)| status.clone()).collect()
    }

    /// The states that the attempt had in the database while calls of this kind came in.
    pub(crate) fn states_during(&self, operation: Operation) -> Vec<AttemptState> {
        let ledger = self.ledger.lock().unwrap();
        let during = ledger.seen.iter().filter(|(asked, _)| *asked == operation);
        during.map(|(_, state)| *state).collect()
    }

    /// Makes the effect happen, or not, and returns the payment's status or the failure.
    async fn run(
        &self,
        operation: Operation,
        reference: &Reference,
        effect: impl FnOnce(Money, &PaymentStatus) -> PaymentStatus + Send,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let (plan, number) = self.enter(operation).await;
        let fail = |fault| Err(GatewayError::new(operation, fault));
        if let Some(Plan::FailBefore(fault)) = plan {
            return fail(fault);
        }
        let mut ledger = self.ledger.lock().unwrap();
        let (amount, before) = ledger.payments[reference].clone();
        let after = match &plan {
            Some(Plan::Become(status)) => status.clone(),
            _ => effect(amount, &before),
        };
        let was_paid = matches!(before, PaymentStatus::Paid { .. });
        if let (PaymentStatus::Paid { amount: taken }, false) = (&after, was_paid) {
            ledger.charge(reference, amount, *taken);
        }
        let changed = (amount, after.clone());
        ledger.payments.insert(reference.clone(), changed);
        match plan {
            Some(Plan::FailAfter(fault)) => fail(fault),
            _ => Ok(answered(after, number)),
        }
    }

    /// The plan for a call, and its number.
    async fn enter(&self, operation: Operation) -> (Option<Plan>, usize) {
        let seen = match &self.watch {
            Some(watch) => Some(watch.look().await),
            None => None,
        };
        let mut ledger = self.ledger.lock().unwrap();
        ledger.calls.push(operation);
        ledger.seen.extend(seen.map(|state| (operation, state)));
        let number = ledger.calls.len();
        let plans = ledger.plans.get_mut(operation.as_str());
        (plans.and_then(VecDeque::pop_front), number)
    }
}

impl Watch {
    async fn look(&self) -> AttemptState {
        let free = self.database.acquire().await;
        let mut free = free.expect("no connection is held while the gateway is asked");
        let found = find_payment(&mut free, self.tenant_id, self.order_id).await;
        found.unwrap().unwrap().state
    }
}

/// An answer, with the id of the request: `req_1` for the first.
fn answered<T>(value: T, number: usize) -> Answered<T> {
    Answered {
        request_id: Some(format!("req_{number}")),
        ..Answered::of(value)
    }
}

#[async_trait]
impl PaymentGateway for FakeGateway {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn is_available(&self) -> bool {
        true
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let (plan, number) = self.enter(Operation::Prepare).await;
        if let Some(Plan::FailBefore(fault)) = plan {
            return Err(GatewayError::new(Operation::Prepare, fault));
        }
        let mut ledger = self.ledger.lock().unwrap();
        let next = Reference::parse(&format!("pay_{}", Uuid::now_v7().simple())).unwrap();
        let key = format!("{}:{}", request.tenant_id, request.key().as_str());
        let reference = ledger.by_key.entry(key).or_insert(next).clone();
        let new = (request.amount, PaymentStatus::NotConfirmed);
        ledger.payments.entry(reference.clone()).or_insert(new);
        let owner = (request.order_id, request.tenant_id);
        ledger.owners.insert(reference.clone(), owner);
        match plan {
            Some(Plan::FailAfter(fault)) => Err(GatewayError::new(Operation::Prepare, fault)),
            _ => Ok(answered(reference, number)),
        }
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentInstruction,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let confirm = |amount, before: &PaymentStatus| match before {
            PaymentStatus::NotConfirmed => PaymentStatus::Paid { amount },
            other => other.clone(),
        };
        self.run(Operation::Confirm, reference, confirm).await
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        let same = |_, before: &PaymentStatus| before.clone();
        self.run(Operation::Lookup, reference, same).await
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let cancel = |_, before: &PaymentStatus| match before {
            paid @ PaymentStatus::Paid { .. } => paid.clone(),
            PaymentStatus::Processing => PaymentStatus::Processing,
            _ => PaymentStatus::Cancelled,
        };
        self.run(Operation::Cancel, reference, cancel).await
    }

    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let capture = |_, _: &PaymentStatus| PaymentStatus::Paid { amount };
        self.run(Operation::Capture, reference, capture).await
    }

    async fn refund(
        &self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        let (plan, number) = self.enter(Operation::Refund).await;
        let mut ledger = self.ledger.lock().unwrap();
        let outcome = ledger.refund(request, key, plan);
        outcome.map(|outcome| answered(outcome, number))
    }

    async fn find_refund(
        &self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        let (plan, number) = self.enter(Operation::FindRefund).await;
        let mut ledger = self.ledger.lock().unwrap();
        let found = ledger.refunds.find(reference, refund_id, plan);
        found.map(|found| answered(found, number))
    }

    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        let ledger = self.ledger.lock().unwrap();
        Ok(Answered::of(ledger.refunds.list(reference)))
    }

    async fn list_disputes(
        &self,
        _: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
        Ok(Answered::of(Vec::new()))
    }

    async fn list_reports(
        &self,
        _: &ChargeWindow,
        _: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError> {
        Ok(ReportPage {
            reports: Vec::new(),
            next: None,
        })
    }

    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        let (plan, _) = self.enter(Operation::ListCharges).await;
        read_only(Operation::ListCharges, plan)?;
        let ledger = self.ledger.lock().unwrap();
        Ok(page_of(ledger.charges.iter().rev(), window, after))
    }

    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        let (plan, _) = self.enter(Operation::FindCharge).await;
        read_only(Operation::FindCharge, plan)?;
        let ledger = self.ledger.lock().unwrap();
        Ok(ledger.charges.iter().find(|it| it.id == *id).cloned())
    }

    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let (plan, _) = self.enter(Operation::RefundCharge).await;
        if let Some(Plan::FailBefore(fault)) = plan {
            return Err(GatewayError::new(Operation::RefundCharge, fault));
        }
        let mut ledger = self.ledger.lock().unwrap();
        let charge = ledger.charges.iter_mut().find(|it| it.id == *id);
        let outcome = give_back(charge.ok_or_else(no_such_charge)?, amount)?;
        match plan {
            Some(Plan::FailAfter(fault)) => Err(GatewayError::new(Operation::RefundCharge, fault)),
            _ => Ok(outcome),
        }
    }
}

/// A call without an effect fails the same way before it and after it.
fn read_only(operation: Operation, plan: Option<Plan>) -> Result<(), GatewayError> {
    match plan {
        Some(Plan::FailBefore(fault) | Plan::FailAfter(fault)) => {
            Err(GatewayError::new(operation, fault))
        }
        Some(Plan::Become(_) | Plan::FailKey(_) | Plan::Refund(_)) | None => Ok(()),
    }
}

/// Charges on one page: few, so that a test needs no more to see several pages.
const PAGE_SIZE: usize = 2;

/// The page after a charge.
fn page_of<'a>(
    newest_first: impl Iterator<Item = &'a ListedCharge>,
    window: &ChargeWindow,
    after: Option<&ChargeId>,
) -> ChargePage {
    let inside = newest_first.filter(|it| (window.from..window.to).contains(&it.created_at));
    let mut rest: Vec<ListedCharge> = inside.cloned().collect();
    if let Some(after) = after {
        let seen = rest.iter().position(|it| it.id == *after);
        rest.drain(..=seen.expect("a cursor is a charge of the window"));
    }
    let has_more = rest.len() > PAGE_SIZE;
    rest.truncate(PAGE_SIZE);
    ChargePage {
        next: rest.last().filter(|_| has_more).map(|last| last.id.clone()),
        charges: rest,
    }
}

/// Gives back as much as is asked for, if so much is left.
fn give_back(charge: &mut ListedCharge, amount: Money) -> Result<RefundOutcome, GatewayError> {
    let left = charge.captured.amount_minor - charge.refunded.amount_minor;
    if left == 0 {
        return Ok(RefundOutcome::AlreadyRefunded);
    }
    if amount.amount_minor > left || amount.currency != charge.captured.currency {
        let fault = GatewayFault::Rejected {
            status: 400,
            code: None,
            param: Some("amount".to_owned()),
        };
        return Err(GatewayError::new(Operation::RefundCharge, fault));
    }
    charge.refunded.amount_minor += amount.amount_minor;
    Ok(RefundOutcome::Refunded {
        reference: Reference::parse(&format!("re_{}", charge.id)).unwrap(),
        amount,
    })
}

/// No such charge.
fn no_such_charge() -> GatewayError {
    let fault = GatewayFault::Rejected {
        status: 404,
        code: Some("resource_missing".to_owned()),
        param: Some("charge".to_owned()),
    };
    GatewayError::new(Operation::RefundCharge, fault)
}

/// A decline, as the payment's status.
pub(crate) fn declined(code: &str) -> PaymentStatus {
    PaymentStatus::Declined {
        code: DeclineCode::new(code),
    }
}
