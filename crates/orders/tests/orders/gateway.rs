//! A gateway in memory: payments have a state, and the test decides what a confirmation does and whether it is answered.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use oms_payments::{
    Answered, BreakerState, Capture, ChargeId, ChargePage, ChargeStatus, ChargeWindow,
    CustomerAction, DeclineCode, GatewayError, GatewayEventId, GatewayFault, ListedCharge,
    ListedDispute, ListedRefund, Operation, OperationKey, PaymentGateway, PaymentInstruction,
    PaymentStatus, PrepareRequest, Reference, RefundFailure, RefundId, RefundOutcome,
    RefundRequest, ReportPage,
};
use oms_validation::{Money, OrderId, TenantId};
use tokio::sync::Semaphore;

use crate::aftermath::Aftermath;

/// What a confirmation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Takes the money and says so.
    Pays,
    /// Takes the money, and the answer is lost.
    PaysSilently,
    /// Is lost on its way.
    IsLost,
    /// Asks the customer to do something.
    AsksTheCustomer,
    /// Takes one minor unit too many.
    Overcharges,
    /// Says no.
    Declines,
    /// Leaves it to the bank, which takes its time and lets nobody cancel.
    IsProcessed,
}

/// What a refund does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunding {
    /// Gives the money back and says so.
    Pays,
    /// Gives the money back, and the answer is lost.
    PaysSilently,
    /// Is lost on its way.
    IsLost,
    /// The bank says no.
    IsRefused,
}

pub struct ScriptedGateway {
    confirm: Mutex<Confirm>,
    payments: Mutex<HashMap<Reference, (Money, PaymentStatus)>>,
    owners: Mutex<HashMap<Reference, (OrderId, TenantId)>>,
    /// When the first charge is made: a while ago.
    pub first_charge_at: DateTime<Utc>,
    /// The oldest first; made one second after the other.
    charges: Mutex<Vec<ListedCharge>>,
    pub refund: Mutex<Refunding>,
    refunds: Mutex<HashMap<RefundId, RefundOutcome>>,
    /// What was given back of each payment, whoever asked for it, and its disputes; the oldest first.
    pub aftermath: Aftermath,
    /// How many more lists are answered; none: all of them.
    pub lists: Mutex<Option<usize>>,
    /// What refunds of charges fail with, if they do.
    pub refund_fault: Mutex<Option<GatewayFault>>,
    /// Refunds of charges that were asked for.
    pub charge_refunds: Mutex<usize>,
    /// What preparations fail with, if they do.
    pub prepare_fault: Mutex<Option<GatewayFault>>,
    /// What look-ups fail with, if they do.
    pub lookup_fault: Mutex<Option<GatewayFault>>,
    /// Looking this payment up ends in a panic.
    pub poisoned: Mutex<Option<Reference>>,
    /// Look-ups take a permit before they answer.
    pub lookup_gate: Semaphore,
    /// Gets a permit for each look-up that has arrived at its gate.
    pub looked_up: Semaphore,
    /// What the circuit breaker would say.
    pub available: AtomicBool,
    /// Confirmations take a permit before they have an effect.
    pub gate: Semaphore,
    /// Gets a permit for each confirmation that has arrived at the gate.
    pub arrived: Semaphore,
    pub cancels: Mutex<usize>,
    /// What these operations fail with, before they have an effect.
    pub refused: Mutex<Option<(Vec<Operation>, GatewayFault)>>,
}

impl ScriptedGateway {
    pub fn new(confirm: Confirm) -> Self {
        Self {
            confirm: Mutex::new(confirm),
            payments: Mutex::default(),
            owners: Mutex::default(),
            first_charge_at: DateTime::<Utc>::from(SystemTime::now()) - TimeDelta::minutes(30),
            charges: Mutex::default(),
            refund: Mutex::new(Refunding::Pays),
            refunds: Mutex::default(),
            aftermath: Aftermath::default(),
            lists: Mutex::default(),
            refund_fault: Mutex::default(),
            charge_refunds: Mutex::default(),
            prepare_fault: Mutex::default(),
            lookup_fault: Mutex::default(),
            poisoned: Mutex::default(),
            lookup_gate: Semaphore::new(Semaphore::MAX_PERMITS),
            looked_up: Semaphore::new(0),
            available: AtomicBool::new(true),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Semaphore::new(0),
            cancels: Mutex::new(0),
            refused: Mutex::default(),
        }
    }

    /// What confirmations do from now on.
    pub fn confirm_with(&self, confirm: Confirm) {
        *self.confirm.lock().unwrap() = confirm;
    }

    /// How many payments were taken.
    pub fn charges(&self) -> usize {
        let payments = self.payments.lock().unwrap();
        payments
            .values()
            .filter(|(_, status)| matches!(status, PaymentStatus::Paid { .. }))
            .count()
    }

    /// What a payment asks for.
    pub fn asked(&self, reference: &Reference) -> Money {
        self.payments.lock().unwrap()[reference].0
    }

    /// What look-ups fail with from now on; nothing, if `None`.
    pub fn fail_lookups(&self, fault: Option<GatewayFault>) {
        *self.lookup_fault.lock().unwrap() = fault;
    }

    /// What confirmations do from now on.
    pub fn confirms(&self, confirm: Confirm) {
        *self.confirm.lock().unwrap() = confirm;
    }

    /// What refunds do from now on.
    pub fn refunds(&self, refund: Refunding) {
        *self.refund.lock().unwrap() = refund;
    }

    /// How much was taken and not given back, in minor units, over all payments.
    pub fn net_minor(&self) -> i64 {
        let charges = self.charges.lock().unwrap();
        let net = |it: &ListedCharge| it.captured.amount_minor - it.refunded.amount_minor;
        charges.iter().map(net).sum()
    }

    fn give_back(&self, request: &RefundRequest) -> Result<RefundOutcome, GatewayError> {
        let mut charges = self.charges.lock().unwrap();
        let of_it = |it: &&mut ListedCharge| it.reference.as_ref() == Some(&request.reference);
        let charge = charges.iter_mut().find(of_it).ok_or_else(no_such_charge)?;
        let outcome = give_back(charge, request.amount)?;
        self.aftermath.note(request, &outcome);
        Ok(outcome)
    }

    /// Has these operations fail from now on.
    pub fn refuse(&self, refused: Option<(Vec<Operation>, GatewayFault)>) {
        *self.refused.lock().unwrap() = refused;
    }

    fn unless_refused(&self, operation: Operation) -> Result<(), GatewayError> {
        match &*self.refused.lock().unwrap() {
            Some((operations, fault)) if operations.contains(&operation) => {
                Err(GatewayError::new(operation, fault.clone()))
            }
            _ => Ok(()),
        }
    }

    /// How a payment stands, whoever asks.
    pub fn status(&self, reference: &Reference) -> PaymentStatus {
        self.payments.lock().unwrap()[reference].1.clone()
    }

    /// Changes a payment unless it is paid, cancelled or with the bank already.
    pub fn set(&self, reference: &Reference, status: PaymentStatus) -> PaymentStatus {
        let mut payments = self.payments.lock().unwrap();
        let (asked, current) = payments.get_mut(reference).unwrap();
        if !matches!(
            current,
            PaymentStatus::Paid { .. } | PaymentStatus::Cancelled | PaymentStatus::Processing
        ) {
            *current = status;
            if let PaymentStatus::Paid { amount: taken } = current {
                self.charge(reference, *asked, *taken);
            }
        }
        current.clone()
    }

    /// Changes the charges past everybody.
    pub fn with_charges<T>(&self, change: impl FnOnce(&mut Vec<ListedCharge>) -> T) -> T {
        change(&mut self.charges.lock().unwrap())
    }

    /// Changes a payment past everybody.
    pub fn set_status(&self, reference: &Reference, status: PaymentStatus) {
        self.payments.lock().unwrap().get_mut(reference).unwrap().1 = status;
    }

    fn charge(&self, reference: &Reference, asked: Money, taken: Money) {
        let mut charges = self.charges.lock().unwrap();
        let owners = self.owners.lock().unwrap();
        let owner = owners.get(reference);
        let number = i64::try_from(charges.len()).unwrap();
        charges.push(ListedCharge {
            disputed: false,
            id: ChargeId::parse(&format!("ch_{number}")).unwrap(),
            reference: Some(reference.clone()),
            amount: asked,
            captured: taken,
            refunded: Money::zero(taken.currency),
            status: ChargeStatus::Succeeded,
            capture: Capture::Captured,
            created_at: self.first_charge_at + TimeDelta::seconds(number),
            order_id: owner.map(|owner| owner.0),
            tenant_id: owner.map(|owner| owner.1),
            installation_id: None,
        });
    }

    fn answer(&self, reference: &Reference, status: PaymentStatus) -> Answered<PaymentStatus> {
        Answered::of(self.set(reference, status))
    }
}

/// What a customer has to do whose bank asks for it.
pub fn customer_action(reference: &Reference) -> CustomerAction {
    let page = format!("https://bank.example/{reference}");
    let secret = format!("{reference}_secret_hush");
    CustomerAction::new(&secret, "redirect_to_url", Some(&page)).unwrap()
}

fn timed_out(operation: Operation) -> GatewayError {
    GatewayError::new(operation, GatewayFault::TimedOut)
}

#[async_trait]
impl PaymentGateway for ScriptedGateway {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn is_available(&self) -> bool {
        self.available.load(Ordering::SeqCst)
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        if let Some(fault) = self.prepare_fault.lock().unwrap().clone() {
            return Err(GatewayError::new(Operation::Prepare, fault));
        }
        let name = match request.attempt_number {
            1 => format!("pi_{}", request.order_id.as_uuid().simple()),
            number => format!("pi_{}_{number}", request.order_id.as_uuid().simple()),
        };
        let reference = Reference::parse(&name).unwrap();
        let owner = (request.order_id, request.tenant_id);
        self.owners.lock().unwrap().insert(reference.clone(), owner);
        let payment = (request.amount, PaymentStatus::NotConfirmed);
        self.payments
            .lock()
            .unwrap()
            .entry(reference.clone())
            .or_insert(payment);
        Ok(Answered::of(reference))
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentInstruction,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let amount = self.payments.lock().unwrap()[reference].0;
        let too_much = Money {
            amount_minor: amount.amount_minor + 1,
            ..amount
        };
        let confirm = *self.confirm.lock().unwrap();
        match confirm {
            Confirm::Pays => Ok(self.answer(reference, PaymentStatus::Paid { amount })),
            Confirm::PaysSilently => {
                self.set(reference, PaymentStatus::Paid { amount });
                Err(timed_out(Operation::Confirm))
            }
            Confirm::IsLost => Err(timed_out(Operation::Confirm)),
            Confirm::AsksTheCustomer => Ok(Answered {
                customer_action: Some(customer_action(reference)),
                ..self.answer(reference, PaymentStatus::NeedsAction)
            }),
            Confirm::Overcharges => {
                Ok(self.answer(reference, PaymentStatus::Paid { amount: too_much }))
            }
            Confirm::IsProcessed => Ok(self.answer(reference, PaymentStatus::Processing)),
            Confirm::Declines => {
                let code = DeclineCode::new("insufficient_funds");
                Ok(self.answer(reference, PaymentStatus::Declined { code }))
            }
        }
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.unless_refused(Operation::Lookup)?;
        self.looked_up.add_permits(1);
        self.lookup_gate.acquire().await.unwrap().forget();
        let poisoned = self.poisoned.lock().unwrap().clone();
        assert_ne!(poisoned.as_ref(), Some(reference), "poison");
        let fault = self.lookup_fault.lock().unwrap().clone();
        match fault {
            Some(fault) => Err(GatewayError::new(Operation::Lookup, fault)),
            None => Ok(Answered::of(self.status(reference))),
        }
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.unless_refused(Operation::Cancel)?;
        *self.cancels.lock().unwrap() += 1;
        for charge in self.charges.lock().unwrap().iter_mut() {
            let is_reserved = charge.capture == Capture::Uncaptured;
            if is_reserved && charge.reference.as_ref() == Some(reference) {
                charge.refunded = charge.amount;
            }
        }
        Ok(self.answer(reference, PaymentStatus::Cancelled))
    }

    async fn capture(
        &self,
        _: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        Err(timed_out(Operation::Capture))
    }

    async fn refund(
        &self,
        request: &RefundRequest,
        _: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        self.unless_refused(Operation::Refund)?;
        let refund = *self.refund.lock().unwrap();
        if refund == Refunding::IsLost {
            return Err(timed_out(Operation::Refund));
        }
        let mut refunds = self.refunds.lock().unwrap();
        let outcome = match (refunds.get(&request.refund_id), refund) {
            (Some(outcome), _) => outcome.clone(),
            (None, Refunding::IsRefused) => {
                let outcome = refused(request);
                self.aftermath.note(request, &outcome);
                outcome
            }
            (None, _) => self.give_back(request)?,
        };
        refunds.insert(request.refund_id, outcome.clone());
        match refund {
            Refunding::PaysSilently => Err(timed_out(Operation::Refund)),
            _ => Ok(Answered::of(outcome)),
        }
    }

    async fn find_refund(
        &self,
        _: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        self.unless_refused(Operation::FindRefund)?;
        let refunds = self.refunds.lock().unwrap();
        Ok(Answered::of(refunds.get(&refund_id).cloned()))
    }

    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        Ok(Answered::of(self.aftermath.refunds_of(reference)))
    }

    async fn list_disputes(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
        Ok(Answered::of(self.aftermath.disputes_of(reference)))
    }

    async fn list_reports(
        &self,
        _: &ChargeWindow,
        _: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError> {
        Ok(self.aftermath.reports())
    }

    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        if let Some(left) = self.lists.lock().unwrap().as_mut() {
            let is_silent = *left == 0;
            *left = left.saturating_sub(1);
            if is_silent {
                return Err(timed_out(Operation::ListCharges));
            }
        }
        let charges = self.charges.lock().unwrap();
        Ok(page_of(charges.iter().rev(), window, after))
    }

    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        let charges = self.charges.lock().unwrap();
        Ok(charges.iter().find(|it| it.id == *id).cloned())
    }

    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        *self.charge_refunds.lock().unwrap() += 1;
        if let Some(fault) = self.refund_fault.lock().unwrap().clone() {
            return Err(GatewayError::new(Operation::RefundCharge, fault));
        }
        let mut charges = self.charges.lock().unwrap();
        let charge = charges.iter_mut().find(|it| it.id == *id);
        give_back(charge.ok_or_else(no_such_charge)?, amount)
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
    let reference = Reference::parse(&format!("re_{}_{left}", charge.id)).unwrap();
    Ok(RefundOutcome::Refunded { reference, amount })
}

/// The bank's no.
fn refused(request: &RefundRequest) -> RefundOutcome {
    RefundOutcome::Failed {
        reference: Reference::parse(&format!("re_{}", request.refund_id.as_uuid().simple()))
            .unwrap(),
        amount: request.amount,
        code: RefundFailure::new("lost_or_stolen_card"),
    }
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
