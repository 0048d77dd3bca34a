//! A payment gateway in memory: it keeps books like a real one, and the test decides what happens to each call.

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

/// Its name in the rows of attempts and gateway events.
pub const NAME: &str = "scripted";

/// One call of the gateway.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: Operation,
    /// The payment that it is about, if it is about one.
    pub reference: Option<Reference>,
}

/// Decides what happens to calls, for tests whose plans depend on more than the number of the call.
#[async_trait]
pub trait Script: Send + Sync {
    /// Runs before a call has an effect. `None` leaves the decision to the plans.
    async fn before(&self, gateway: &ScriptedGateway, call: &Call) -> Option<Plan>;

    /// Runs after the call, whatever came of it.
    async fn after(&self, _call: &Call) {}

    /// Whether a circuit breaker would let calls through.
    fn is_available(&self) -> bool {
        true
    }
}

/// The gateway. Calls succeed unless a script or a plan says otherwise.
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
    /// A gateway without payments, whose confirmations do this.
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

    /// A gateway that asks a script first.
    pub fn following(script: Arc<dyn Script>) -> Self {
        Self {
            script: Some(script),
            ..Self::default()
        }
    }

    /// Plans the next call of an operation that has no plan yet.
    pub fn plan(&self, operation: Operation, plan: Plan) {
        self.plans().add(operation, plan);
    }

    /// Plans every call of an operation from now on; `None` lets them succeed.
    pub fn always(&self, operation: Operation, plan: Option<Plan>) {
        self.plans().set_standing(operation, plan);
    }

    /// Has every call of an operation fail before it has an effect; `None` lets them succeed.
    pub fn fail(&self, operation: Operation, fault: Option<GatewayFault>) {
        self.always(operation, fault.map(Plan::FailBefore));
    }

    /// Has look-ups fail; `None` lets them succeed.
    pub fn fail_lookups(&self, fault: Option<GatewayFault>) {
        self.fail(Operation::Lookup, fault);
    }

    /// Answers so many more lists of charges, and none after them.
    pub fn fall_silent_after_lists(&self, lists: usize) {
        for _ in 0..lists {
            self.plan(Operation::ListCharges, Plan::Succeed);
        }
        self.fail(Operation::ListCharges, Some(GatewayFault::TimedOut));
    }

    /// What confirmations do from now on.
    pub fn confirms(&self, confirm: Confirm) {
        self.always(Operation::Confirm, confirm.plan());
    }

    /// What refunds do from now on.
    pub fn refunds(&self, refunding: Refunding) {
        self.always(Operation::Refund, refunding.plan());
    }

    /// Has look-ups of this payment panic.
    pub fn poison(&self, reference: Reference) {
        self.plans().poison(reference);
    }

    /// What the circuit breaker would say from now on.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::SeqCst);
    }

    /// Holds calls of an operation before they have an effect, until they are released.
    pub fn hold(&self, operation: Operation) {
        self.gates.close(operation);
    }

    /// Returns once so many more calls of a held operation have arrived.
    pub async fn arrived(&self, operation: Operation, calls: u32) {
        self.gates.arrived(operation, calls).await;
    }

    /// Lets so many calls of a held operation go on.
    pub fn release(&self, operation: Operation, calls: usize) {
        self.gates.release(operation, calls);
    }

    /// Every call until now, in order.
    pub fn calls(&self) -> Vec<Operation> {
        lock(&self.calls).clone()
    }

    /// How many calls of an operation there were.
    pub fn calls_of(&self, operation: Operation) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| **call == operation).count()
    }

    /// How many payments are paid.
    pub fn charges(&self) -> usize {
        let is_paid = |status: &PaymentStatus| matches!(status, PaymentStatus::Paid { .. });
        self.payments().iter().filter(|it| is_paid(it)).count()
    }

    /// The status of every payment, in no particular order.
    pub fn payments(&self) -> Vec<PaymentStatus> {
        self.books().statuses()
    }

    /// The status of a payment.
    ///
    /// # Panics
    /// When it was never prepared.
    pub fn status(&self, reference: &Reference) -> PaymentStatus {
        self.books().status(reference)
    }

    /// What a payment asks for.
    ///
    /// # Panics
    /// When it was never prepared.
    pub fn asked(&self, reference: &Reference) -> Money {
        self.books().asked(reference)
    }

    /// Changes a payment as its customer or bank does: nothing changes once it is paid, cancelled or with the bank.
    ///
    /// # Panics
    /// When it was never prepared.
    pub fn set(&self, reference: &Reference, status: PaymentStatus) -> PaymentStatus {
        self.books().change(reference, status)
    }

    /// Changes a payment as its customer or bank does when they decide at last, whatever its status.
    ///
    /// # Panics
    /// When it was never prepared.
    pub fn decide(&self, reference: &Reference, status: PaymentStatus) {
        self.books().force(reference, status);
    }

    /// Changes a payment's status and nothing else.
    ///
    /// # Panics
    /// When it was never prepared.
    pub fn set_status(&self, reference: &Reference, status: PaymentStatus) {
        self.books().set_status(reference, status);
    }

    /// When the first charge is made, a while ago. Each of the others is made a second after the one before it.
    pub fn first_charge_at(&self) -> DateTime<Utc> {
        self.books().first_charge_at
    }

    /// Changes the charges behind everybody's back. The oldest comes first.
    pub fn with_charges<T>(&self, change: impl FnOnce(&mut Vec<ListedCharge>) -> T) -> T {
        change(&mut self.books().charges)
    }

    /// What was taken and not refunded, in minor units, over all charges.
    pub fn net_minor(&self) -> i64 {
        self.books().net_minor()
    }

    /// What was refunded of a payment or is about to be, in minor units.
    pub fn given_back(&self, payment: &Reference) -> i64 {
        self.books().refunded(payment)
    }

    /// The outcome of each refund, the oldest first.
    pub fn refund_outcomes(&self) -> Vec<RefundOutcome> {
        self.books().refund_outcomes()
    }

    /// The key of each call that asked for a refund.
    pub fn refund_keys(&self) -> Vec<String> {
        self.books().refund_keys.clone()
    }

    /// Refunds a payment under a refund's id, as another instance does.
    ///
    /// # Panics
    /// When so much is not left.
    pub fn give_back(&self, id: RefundId, payment: &Reference, amount: Money) {
        let refunded = self.books().refund(payment, Some(id), amount, None);
        refunded.expect("so much is left");
    }

    /// Refunds a payment in the gateway's dashboard. Returns the refund's name; none when so much is not left, or the
    /// payment is disputed.
    pub fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64) -> Option<Reference> {
        self.books().refund_elsewhere(payment, amount_minor)
    }

    /// Has the bank send a refund back, as it may weeks later. False when it failed before.
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

    /// Lets one call have its effect or not, and answers it.
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

    /// Returns the number of the call.
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

    /// A call that changes a payment's status, to this one unless there is a plan.
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

/// The reference that the gateway gives an order's first payment.
///
/// # Panics
/// Never: it is a legal reference.
pub fn reference_of(order_id: OrderId) -> Reference {
    let name = format!("pi_{}", order_id.as_uuid().simple());
    Reference::parse(&name).expect("letters and digits are a reference")
}

/// A payment token that every gateway takes.
///
/// # Panics
/// Never: it is a legal token.
pub fn token() -> PaymentInstruction {
    let method = PaymentMethod::parse_token("pm_card_visa").expect("it is a token");
    method.into()
}

/// A declined payment.
pub fn declined(code: &str) -> PaymentStatus {
    PaymentStatus::Declined {
        code: DeclineCode::new(code),
    }
}

/// What a customer must do whose bank asks for it.
///
/// # Panics
/// Never: the parts are legal.
pub fn customer_action(reference: &Reference) -> CustomerAction {
    let page = format!("https://bank.example/{reference}");
    let secret = format!("{reference}_secret_hush");
    CustomerAction::new(&secret, "redirect_to_url", Some(&page)).expect("the parts are legal")
}
