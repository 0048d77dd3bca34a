//! An in-memory payment gateway. It keeps books like a real one, and the test decides the result of each call.

mod books;
mod gates;
mod plans;
mod port;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oms_payments::{
    Answered, CustomerAction, DeclineCode, DisputeState, GatewayError, GatewayFault, ListedCharge,
    Operation, PaymentInstruction, PaymentMethod, PaymentStatus, Reference, RefundId,
    RefundOutcome,
};
use oms_validation::{Money, OrderId};

use books::Books;
use gates::Gates;
use plans::Plans;
pub use plans::{Confirm, Plan, Refunding};

/// The gateway's name in the rows of attempts and gateway events.
pub const NAME: &str = "scripted";

/// A call of the gateway.
#[derive(Clone, Debug)]
pub struct Call {
    /// The requested operation.
    pub operation: Operation,
    /// The payment that the call concerns, if any.
    pub reference: Option<Reference>,
}

/// Decides the results of calls, for tests whose plans depend on more than the number of the call.
#[async_trait]
pub trait Script: Send + Sync {
    /// Runs before a call has an effect. `None` leaves the decision to the plans.
    async fn before(&self, gateway: &ScriptedGateway, call: &Call) -> Option<Plan>;

    /// Runs after the call, regardless of its result.
    async fn after(&self, _call: &Call) {}

    /// Whether a circuit breaker would allow calls.
    fn is_available(&self) -> bool {
        true
    }
}

/// The gateway. Calls succeed unless a script or a plan decides otherwise.
pub struct ScriptedGateway {
    books: Mutex<Books>,
    plans: Mutex<Plans>,
    gates: Gates,
    calls: Mutex<Vec<Operation>>,
    available: AtomicBool,
    script: Option<Arc<dyn Script>>,
}

impl Default for ScriptedGateway {
    fn default() -> Self {
        Self::new(Confirm::Pays)
    }
}

impl ScriptedGateway {
    /// Creates a gateway without payments, whose confirmations have the given result.
    pub fn new(confirm: Confirm) -> Self {
        let gateway = Self {
            books: Mutex::new(Books::new()),
            plans: Mutex::default(),
            gates: Gates::default(),
            calls: Mutex::default(),
            available: AtomicBool::new(true),
            script: None,
        };
        gateway.confirms(confirm);
        gateway
    }

    /// Creates a gateway that follows a script.
    pub fn following(script: Arc<dyn Script>) -> Self {
        Self {
            script: Some(script),
            ..Self::default()
        }
    }

    /// Appends a plan for the next unplanned call of an operation.
    pub fn plan(&self, operation: Operation, plan: Plan) {
        self.plans().add(operation, plan);
    }

    /// Plans all further calls of an operation. `None` makes them succeed.
    pub fn always(&self, operation: Operation, plan: Option<Plan>) {
        self.plans().set_standing(operation, plan);
    }

    /// Makes all further calls of an operation fail before they have an effect. `None` makes them succeed.
    pub fn fail(&self, operation: Operation, fault: Option<GatewayFault>) {
        self.always(operation, fault.map(Plan::FailBefore));
    }

    /// Makes lookups fail. `None` makes them succeed.
    pub fn fail_lookups(&self, fault: Option<GatewayFault>) {
        self.fail(Operation::Lookup, fault);
    }

    /// Answers this many more lists of charges, and lets later ones time out.
    pub fn fall_silent_after_lists(&self, lists: usize) {
        for _ in 0..lists {
            self.plan(Operation::ListCharges, Plan::Succeed);
        }
        self.fail(Operation::ListCharges, Some(GatewayFault::TimedOut));
    }

    /// Sets the result of further confirmations.
    pub fn confirms(&self, confirm: Confirm) {
        self.always(Operation::Confirm, confirm.plan());
    }

    /// Sets the result of further refunds.
    pub fn refunds(&self, refunding: Refunding) {
        self.always(Operation::Refund, refunding.plan());
    }

    /// Makes lookups of this payment panic.
    pub fn poison(&self, reference: Reference) {
        self.plans().poison(reference);
    }

    /// Sets whether the circuit breaker allows calls.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::SeqCst);
    }

    /// Holds calls of an operation before they have an effect, until they are released.
    pub fn hold(&self, operation: Operation) {
        self.gates.close(operation);
    }

    /// Waits until this many more calls of a held operation have arrived.
    pub async fn arrived(&self, operation: Operation, calls: u32) {
        self.gates.arrived(operation, calls).await;
    }

    /// Releases this many calls of a held operation.
    pub fn release(&self, operation: Operation, calls: usize) {
        self.gates.release(operation, calls);
    }

    /// Returns all calls so far, in order.
    pub fn calls(&self) -> Vec<Operation> {
        lock(&self.calls).clone()
    }

    /// Returns the number of calls of an operation.
    pub fn calls_of(&self, operation: Operation) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| **call == operation).count()
    }

    /// Returns the number of paid payments.
    pub fn charges(&self) -> usize {
        let is_paid = |status: &PaymentStatus| matches!(status, PaymentStatus::Paid { .. });
        self.payments().iter().filter(|it| is_paid(it)).count()
    }

    /// Returns the status of every payment, unordered.
    pub fn payments(&self) -> Vec<PaymentStatus> {
        self.books().statuses()
    }

    /// Returns the status of a payment.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn status(&self, reference: &Reference) -> PaymentStatus {
        self.books().status(reference)
    }

    /// Returns the requested amount of a payment.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn asked(&self, reference: &Reference) -> Money {
        self.books().asked(reference)
    }

    /// Changes a payment like its customer or bank would. A payment that is paid, cancelled or processing doesn't
    /// change.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn set(&self, reference: &Reference, status: PaymentStatus) -> PaymentStatus {
        self.books().change(reference, status)
    }

    /// Changes a payment like a final decision of its customer or bank would, regardless of its status.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn decide(&self, reference: &Reference, status: PaymentStatus) {
        self.books().force(reference, status);
    }

    /// Changes only the status of a payment.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn set_status(&self, reference: &Reference, status: PaymentStatus) {
        self.books().set_status(reference, status);
    }

    /// Returns the time of the first charge, which is in the past. Each further charge is a second later.
    pub fn first_charge_at(&self) -> DateTime<Utc> {
        self.books().first_charge_at
    }

    /// Changes the charges directly. They are ordered from oldest to newest.
    pub fn with_charges<T>(&self, change: impl FnOnce(&mut Vec<ListedCharge>) -> T) -> T {
        change(&mut self.books().charges)
    }

    /// Returns the captured and not refunded amount of all charges, in minor units.
    pub fn net_minor(&self) -> i64 {
        self.books().net_minor()
    }

    /// Returns the refunded amount of a payment, including pending refunds, in minor units.
    pub fn given_back(&self, payment: &Reference) -> i64 {
        self.books().refunded(payment)
    }

    /// Returns the outcome of each refund, the oldest first.
    pub fn refund_outcomes(&self) -> Vec<RefundOutcome> {
        self.books().refund_outcomes()
    }

    /// Returns the idempotency key of each call that requested a refund.
    pub fn refund_keys(&self) -> Vec<String> {
        self.books().refund_keys.clone()
    }

    /// Refunds a payment under a refund's ID, like another instance would.
    ///
    /// # Panics
    /// If the amount exceeds what is left.
    pub fn give_back(&self, id: RefundId, payment: &Reference, amount: Money) {
        let refunded = self.books().refund(payment, Some(id), amount, None);
        refunded.expect("the amount is left");
    }

    /// Refunds a payment in the gateway's dashboard. Returns the refund's reference, or `None` if the amount exceeds
    /// what is left or the payment is disputed.
    pub fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64) -> Option<Reference> {
        self.books().refund_elsewhere(payment, amount_minor)
    }

    /// Makes a refund fail at the bank, as may happen weeks later. Returns `false` if it has already failed.
    pub fn fail_refund(&self, name: &Reference) -> bool {
        self.books().fail_refund(name)
    }

    /// Opens a dispute over a payment, or changes its state.
    pub fn dispute(&self, payment: &Reference, amount: Money, state: DisputeState) {
        self.books().dispute(payment, amount, state);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }

    fn plans(&self) -> MutexGuard<'_, Plans> {
        lock(&self.plans)
    }

    /// Processes a call according to its plan.
    async fn call<T>(
        &self,
        operation: Operation,
        reference: Option<&Reference>,
        effect: impl FnOnce(&mut Books, &Plan) -> Result<T, GatewayFault> + Send,
    ) -> Result<Answered<T>, GatewayError> {
        let call = Call {
            operation,
            reference: reference.cloned(),
        };
        let number = self.note(operation);
        self.gates.pass(operation).await;
        let result = match self.plan_of(&call).await {
            Plan::FailBefore(fault) => Err(fault),
            Plan::Panic => panic!("the plan for {call:?}"),
            plan => {
                let result = effect(&mut self.books(), &plan);
                match plan {
                    Plan::FailAfter(fault) => Err(fault),
                    _ => result,
                }
            }
        };
        if let Some(script) = &self.script {
            script.after(&call).await;
        }
        match result {
            Ok(value) => Ok(Answered {
                request_id: Some(format!("req_{number}")),
                ..Answered::of(value)
            }),
            Err(fault) => Err(GatewayError::new(operation, fault)),
        }
    }

    /// Records a call, and returns its number.
    fn note(&self, operation: Operation) -> usize {
        let mut calls = lock(&self.calls);
        calls.push(operation);
        calls.len()
    }

    async fn plan_of(&self, call: &Call) -> Plan {
        if let Some(script) = &self.script
            && let Some(plan) = script.before(self, call).await
        {
            return plan;
        }
        self.plans().next(call)
    }

    /// Processes a call that changes a payment's status, to `to` unless there is a plan.
    async fn change(
        &self,
        operation: Operation,
        reference: &Reference,
        to: impl FnOnce(Money) -> PaymentStatus + Send,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.call(operation, Some(reference), |books, plan| {
            books.known(reference)?;
            let asked = books.asked(reference);
            let status = match plan {
                Plan::Become(status) => status.clone(),
                Plan::Overcharge => PaymentStatus::Paid {
                    amount: Money {
                        amount_minor: asked.amount_minor + 1,
                        ..asked
                    },
                },
                _ => to(asked),
            };
            let status = books.change(reference, status);
            if operation == Operation::Cancel {
                books.release(reference);
            }
            Ok(status)
        })
        .await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the reference of an order's first payment.
///
/// # Panics
/// Never, because the reference is valid.
pub fn reference_of(order_id: OrderId) -> Reference {
    let name = format!("pi_{}", order_id.as_uuid().simple());
    Reference::parse(&name).expect("letters and digits are a reference")
}

/// Returns a payment token that every gateway accepts.
///
/// # Panics
/// Never, because the token is valid.
pub fn token() -> PaymentInstruction {
    let method = PaymentMethod::parse_token("pm_card_visa").expect("the token is valid");
    method.into()
}

/// Returns a declined status.
pub fn declined(code: &str) -> PaymentStatus {
    PaymentStatus::Declined {
        code: DeclineCode::new(code),
    }
}

/// Returns the action that a customer must take for the bank.
///
/// # Panics
/// Never, because the parts are valid.
pub fn customer_action(reference: &Reference) -> CustomerAction {
    let page = format!("https://bank.example/{reference}");
    let secret = format!("{reference}_secret_hush");
    CustomerAction::new(&secret, "redirect_to_url", Some(&page)).expect("the parts are valid")
}
