//! A gateway in memory: payments have a state, and the test decides what a confirmation does and whether it is answered.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use oms_payments::{
    BreakerState, DeclineCode, GatewayError, GatewayFault, Operation, OperationKey, PaymentGateway,
    PaymentMethod, PaymentStatus, PrepareRequest, Reference, RefundOutcome,
};
use oms_validation::Money;
use tokio::sync::Semaphore;

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

pub struct ScriptedGateway {
    confirm: Mutex<Confirm>,
    payments: Mutex<HashMap<Reference, (Money, PaymentStatus)>>,
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
}

impl ScriptedGateway {
    pub fn new(confirm: Confirm) -> Self {
        Self {
            confirm: Mutex::new(confirm),
            payments: Mutex::default(),
            lookup_fault: Mutex::default(),
            poisoned: Mutex::default(),
            lookup_gate: Semaphore::new(Semaphore::MAX_PERMITS),
            looked_up: Semaphore::new(0),
            available: AtomicBool::new(true),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Semaphore::new(0),
            cancels: Mutex::new(0),
        }
    }

    /// How many payments were taken.
    pub fn charges(&self) -> usize {
        let payments = self.payments.lock().unwrap();
        payments
            .values()
            .filter(|(_, status)| matches!(status, PaymentStatus::Paid { .. }))
            .count()
    }

    /// What look-ups fail with from now on; nothing, if `None`.
    pub fn fail_lookups(&self, fault: Option<GatewayFault>) {
        *self.lookup_fault.lock().unwrap() = fault;
    }

    /// How a payment stands, whoever asks.
    pub fn status(&self, reference: &Reference) -> PaymentStatus {
        self.payments.lock().unwrap()[reference].1.clone()
    }

    /// Changes a payment unless it is paid, cancelled or with the bank already.
    fn set(&self, reference: &Reference, status: PaymentStatus) -> PaymentStatus {
        let mut payments = self.payments.lock().unwrap();
        let (_, current) = payments.get_mut(reference).unwrap();
        if !matches!(
            current,
            PaymentStatus::Paid { .. } | PaymentStatus::Cancelled | PaymentStatus::Processing
        ) {
            *current = status;
        }
        current.clone()
    }
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

    async fn prepare(&self, request: &PrepareRequest) -> Result<Reference, GatewayError> {
        let reference =
            Reference::parse(&format!("pi_{}", request.order_id.as_uuid().simple())).unwrap();
        let payment = (request.amount, PaymentStatus::NotConfirmed);
        self.payments
            .lock()
            .unwrap()
            .entry(reference.clone())
            .or_insert(payment);
        Ok(reference)
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentMethod,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let amount = self.payments.lock().unwrap()[reference].0;
        let too_much = Money {
            amount_minor: amount.amount_minor + 1,
            ..amount
        };
        let confirm = *self.confirm.lock().unwrap();
        match confirm {
            Confirm::Pays => Ok(self.set(reference, PaymentStatus::Paid { amount })),
            Confirm::PaysSilently => {
                self.set(reference, PaymentStatus::Paid { amount });
                Err(timed_out(Operation::Confirm))
            }
            Confirm::IsLost => Err(timed_out(Operation::Confirm)),
            Confirm::AsksTheCustomer => Ok(self.set(reference, PaymentStatus::NeedsAction)),
            Confirm::Overcharges => {
                Ok(self.set(reference, PaymentStatus::Paid { amount: too_much }))
            }
            Confirm::IsProcessed => Ok(self.set(reference, PaymentStatus::Processing)),
            Confirm::Declines => {
                let code = DeclineCode::new("insufficient_funds");
                Ok(self.set(reference, PaymentStatus::Declined { code }))
            }
        }
    }

    async fn lookup(&self, reference: &Reference) -> Result<PaymentStatus, GatewayError> {
        self.looked_up.add_permits(1);
        self.lookup_gate.acquire().await.unwrap().forget();
        let poisoned = self.poisoned.lock().unwrap().clone();
        assert_ne!(poisoned.as_ref(), Some(reference), "poison");
        let fault = self.lookup_fault.lock().unwrap().clone();
        match fault {
            Some(fault) => Err(GatewayError::new(Operation::Lookup, fault)),
            None => Ok(self.status(reference)),
        }
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        *self.cancels.lock().unwrap() += 1;
        Ok(self.set(reference, PaymentStatus::Cancelled))
    }

    async fn capture(
        &self,
        _: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        Err(timed_out(Operation::Capture))
    }

    async fn refund(
        &self,
        _: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        Err(timed_out(Operation::Refund))
    }
}
