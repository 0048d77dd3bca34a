//! A gateway in memory that keeps its payments and does as it is told.

// Each test program uses another part of it.
#![allow(dead_code)]

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use oms_database::Database;
use oms_payments::{
    BreakerState, DeclineCode, GatewayError, GatewayFault, Operation, OperationKey, PaymentGateway,
    PaymentMethod, PaymentStatus, PrepareRequest, Reference, RefundOutcome,
};
use oms_validation::Money;
use uuid::Uuid;

/// What happens to one call.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// It fails before it has an effect.
    FailBefore(GatewayFault),
    /// It has its effect, and the answer is lost.
    FailAfter(GatewayFault),
    /// The payment becomes this.
    Become(PaymentStatus),
}

#[derive(Default)]
struct Ledger {
    by_key: HashMap<String, Reference>,
    payments: HashMap<Reference, (Money, PaymentStatus)>,
    plans: HashMap<&'static str, VecDeque<Plan>>,
    calls: Vec<Operation>,
    charges: usize,
}

#[derive(Default)]
pub(crate) struct FakeGateway {
    ledger: Mutex<Ledger>,
    /// A pool with a single connection: a call that is made with it in hand can't get it.
    watched: Option<Database>,
}

pub(crate) fn token() -> PaymentMethod {
    PaymentMethod::parse_token("pm_card_visa").unwrap()
}

impl FakeGateway {
    pub(crate) fn watching(database: Database) -> Self {
        Self {
            watched: Some(database),
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
        self.ledger.lock().unwrap().charges
    }

    pub(crate) fn payments(&self) -> Vec<PaymentStatus> {
        let ledger = self.ledger.lock().unwrap();
        let statuses = ledger.payments.values();
        statuses.map(|(_, status)| status.clone()).collect()
    }

    /// Makes the effect happen, or not, and returns the payment's status or the failure.
    async fn run(
        &self,
        operation: Operation,
        reference: &Reference,
        effect: impl FnOnce(Money, &PaymentStatus) -> PaymentStatus + Send,
    ) -> Result<PaymentStatus, GatewayError> {
        let plan = self.enter(operation).await;
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
        let paid = |status: &PaymentStatus| matches!(status, PaymentStatus::Paid { .. });
        ledger.charges += usize::from(paid(&after) && !paid(&before));
        let changed = (amount, after.clone());
        ledger.payments.insert(reference.clone(), changed);
        match plan {
            Some(Plan::FailAfter(fault)) => fail(fault),
            _ => Ok(after),
        }
    }

    async fn enter(&self, operation: Operation) -> Option<Plan> {
        if let Some(database) = &self.watched {
            let free = database.acquire().await;
            assert!(
                free.is_ok(),
                "a connection is held while the gateway is asked"
            );
        }
        let mut ledger = self.ledger.lock().unwrap();
        ledger.calls.push(operation);
        ledger.plans.get_mut(operation.as_str())?.pop_front()
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

    async fn prepare(&self, request: &PrepareRequest) -> Result<Reference, GatewayError> {
        let plan = self.enter(Operation::Prepare).await;
        if let Some(Plan::FailBefore(fault)) = plan {
            return Err(GatewayError::new(Operation::Prepare, fault));
        }
        let mut ledger = self.ledger.lock().unwrap();
        let next = Reference::parse(&format!("pay_{}", Uuid::now_v7().simple())).unwrap();
        let key = format!("{}:{}", request.tenant_id, request.key().as_str());
        let reference = ledger.by_key.entry(key).or_insert(next).clone();
        let new = (request.amount, PaymentStatus::NotConfirmed);
        ledger.payments.entry(reference.clone()).or_insert(new);
        match plan {
            Some(Plan::FailAfter(fault)) => Err(GatewayError::new(Operation::Prepare, fault)),
            _ => Ok(reference),
        }
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentMethod,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let confirm = |amount, before: &PaymentStatus| match before {
            PaymentStatus::NotConfirmed => PaymentStatus::Paid { amount },
            other => other.clone(),
        };
        self.run(Operation::Confirm, reference, confirm).await
    }

    async fn lookup(&self, reference: &Reference) -> Result<PaymentStatus, GatewayError> {
        let same = |_, before: &PaymentStatus| before.clone();
        self.run(Operation::Lookup, reference, same).await
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
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
    ) -> Result<PaymentStatus, GatewayError> {
        let capture = |_, _: &PaymentStatus| PaymentStatus::Paid { amount };
        self.run(Operation::Capture, reference, capture).await
    }

    async fn refund(
        &self,
        _: &Reference,
        amount: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        Ok(RefundOutcome::Refunded { amount })
    }
}

/// A decline, as the payment's status.
pub(crate) fn declined(code: &str) -> PaymentStatus {
    PaymentStatus::Declined {
        code: DeclineCode::new(code),
    }
}
