//! A gateway in memory: payments have a state, and the test decides what a confirmation does and whether it is answered.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use oms_payments::{
    Answered, BreakerState, DeclineCode, GatewayError, GatewayFault, Operation, OperationKey,
    PaymentGateway, PaymentMethod, PaymentStatus, PrepareRequest, Reference, RefundId,
    RefundOutcome, RefundRequest,
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
}

pub struct ScriptedGateway {
    confirm: Mutex<Confirm>,
    payments: Mutex<HashMap<Reference, (Money, PaymentStatus)>>,
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

    fn status(&self, reference: &Reference) -> PaymentStatus {
        self.payments.lock().unwrap()[reference].1.clone()
    }

    /// Changes a payment unless it is paid or cancelled already.
    fn set(&self, reference: &Reference, status: PaymentStatus) -> PaymentStatus {
        let mut payments = self.payments.lock().unwrap();
        let (_, current) = payments.get_mut(reference).unwrap();
        if !matches!(
            current,
            PaymentStatus::Paid { .. } | PaymentStatus::Cancelled
        ) {
            *current = status;
        }
        current.clone()
    }

    fn answer(&self, reference: &Reference, status: PaymentStatus) -> Answered<PaymentStatus> {
        Answered::of(self.set(reference, status))
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
        true
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let reference =
            Reference::parse(&format!("pi_{}", request.order_id.as_uuid().simple())).unwrap();
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
        _: &PaymentMethod,
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
            Confirm::AsksTheCustomer => Ok(self.answer(reference, PaymentStatus::NeedsAction)),
            Confirm::Overcharges => {
                Ok(self.answer(reference, PaymentStatus::Paid { amount: too_much }))
            }
            Confirm::Declines => {
                let code = DeclineCode::new("insufficient_funds");
                Ok(self.answer(reference, PaymentStatus::Declined { code }))
            }
        }
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        Ok(Answered::of(self.status(reference)))
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        *self.cancels.lock().unwrap() += 1;
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
        _: &RefundRequest,
        _: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        Err(timed_out(Operation::Refund))
    }

    async fn find_refund(
        &self,
        _: &Reference,
        _: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        Err(timed_out(Operation::FindRefund))
    }
}
