//! A gateway that notes its calls about one attempt as they are made. It stores nothing itself: the next write takes
//! the notes along.

use std::error::Error;
use std::time::Instant;

use oms_database::Database;
use oms_validation::TenantId;

use crate::domain::CallAnswer;
use crate::store::attempts::{self, Moved};
use crate::store::gateway_calls;
use crate::{
    Answered, Attempt, AttemptState, CallEffect, CustomerAction, Effect, GatewayError,
    GatewayFault, Operation, OperationKey, PaymentGateway, PaymentInstruction, PaymentStatus,
    PrepareRequest, Reference, RefundId, RefundOutcome, RefundRequest, UnsavedCalls,
};

/// A gateway, and the calls to it that are not saved yet.
pub(crate) struct RecordedGateway<'a> {
    gateway: &'a dyn PaymentGateway,
    attempt: &'a Attempt,
    actor: &'a str,
    calls: UnsavedCalls,
    /// What the customer must do, from the last answer that reported the payment's status.
    customer_action: Option<CustomerAction>,
}

impl<'a> RecordedGateway<'a> {
    /// Makes calls in the name of `actor`.
    pub(crate) fn new(
        gateway: &'a dyn PaymentGateway,
        attempt: &'a Attempt,
        actor: &'a str,
    ) -> Self {
        Self {
            gateway,
            attempt,
            actor,
            calls: UnsavedCalls::none(),
            customer_action: None,
        }
    }

    /// Returns the calls since they were last taken.
    pub(crate) fn take_calls(&mut self) -> UnsavedCalls {
        std::mem::take(&mut self.calls)
    }

    /// Puts back calls that could not be saved.
    pub(crate) fn put_back(&mut self, calls: UnsavedCalls) {
        let later = std::mem::replace(&mut self.calls, calls);
        self.calls.extend(later);
    }

    pub(crate) async fn prepare(
        &mut self,
        request: &PrepareRequest,
    ) -> Result<Reference, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.prepare(request).await;
        let named = answer.as_ref().ok().map(|it| it.value.clone());
        let label = |_: &Reference| "prepared".to_owned();
        self.note(Operation::Prepare, named, began, answer, label)
    }

    pub(crate) async fn confirm(
        &mut self,
        reference: &Reference,
        instruction: &PaymentInstruction,
        key: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.confirm(reference, instruction, key).await;
        self.note_status(Operation::Confirm, reference, began, answer)
    }

    pub(crate) async fn lookup(
        &mut self,
        reference: &Reference,
    ) -> Result<PaymentStatus, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.lookup(reference).await;
        self.note_status(Operation::Lookup, reference, began, answer)
    }

    pub(crate) async fn cancel(
        &mut self,
        reference: &Reference,
        key: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.cancel(reference, key).await;
        self.note_status(Operation::Cancel, reference, began, answer)
    }

    pub(crate) async fn refund(
        &mut self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.refund(request, key).await;
        let named = Some(request.reference.clone());
        self.note(
            Operation::Refund,
            named,
            began,
            answer,
            RefundOutcome::label,
        )
    }

    pub(crate) async fn find_refund(
        &mut self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        let began = Instant::now();
        let answer = self.gateway.find_refund(reference, refund_id).await;
        let label = |found: &Option<RefundOutcome>| match found {
            Some(outcome) => outcome.label(),
            None => "not_found".to_owned(),
        };
        let named = Some(reference.clone());
        self.note(Operation::FindRefund, named, began, answer, label)
    }

    fn note_status(
        &mut self,
        operation: Operation,
        reference: &Reference,
        began: Instant,
        mut answer: Result<Answered<PaymentStatus>, GatewayError>,
    ) -> Result<PaymentStatus, GatewayError> {
        let heard = answer.as_mut().ok();
        self.customer_action = heard.and_then(|answer| answer.customer_action.take());
        let named = Some(reference.clone());
        self.note(operation, named, began, answer, PaymentStatus::label)
    }

    /// Notes a call, unless the breaker refused it: then it was not made.
    fn note<T>(
        &mut self,
        operation: Operation,
        reference: Option<Reference>,
        began: Instant,
        answer: Result<Answered<T>, GatewayError>,
        label: impl FnOnce(&T) -> String,
    ) -> Result<T, GatewayError> {
        let (request_id, outcome, effect) = match &answer {
            Ok(Answered {
                value, request_id, ..
            }) => (request_id.clone(), label(value), CallEffect::Known),
            Err(error) if *error.fault() == GatewayFault::BreakerOpen => {
                return answer.map(|it| it.value);
            }
            Err(error) => {
                let effect = match error.effect() {
                    Effect::DidNotHappen => CallEffect::Known,
                    Effect::Unknown => CallEffect::Unknown,
                };
                let request_id = error.request_id().map(str::to_owned);
                (request_id, error.fault().label(), effect)
            }
        };
        let noted = CallAnswer {
            reference,
            request_id,
            outcome,
            effect,
        };
        let calls = &mut self.calls;
        calls.add(self.attempt, self.actor, operation, began, noted);
        answer.map(|it| it.value)
    }

    /// Records the last observed state of an attempt that stays open, together with the calls. If another worker has
    /// moved the attempt meanwhile, only the calls are saved. A failure to write changes nothing: the attempt is
    /// settled later from whatever state it is in.
    pub(crate) async fn observe(
        &mut self,
        database: &Database,
        tenant_id: TenantId,
        from: &[AttemptState],
        heard: Option<AttemptState>,
    ) {
        let calls = self.take_calls();
        let action = self.customer_action.take();
        let action = action.filter(|_| heard == Some(AttemptState::NeedsAction));
        // The same state, with an action that is not stored yet.
        let is_new = action.is_some() && action.as_ref() != self.attempt.customer_action.as_deref();
        let may_become = |from: &AttemptState, to| from.can_become(to) || (is_new && *from == to);
        let of_use = |to: &AttemptState| from.iter().any(|state| may_become(state, *to));
        let Some(to) = heard.filter(of_use) else {
            return save_calls(database, tenant_id, &calls).await;
        };
        let legal = from.iter().copied().filter(|state| may_become(state, to));
        let from: Vec<AttemptState> = legal.collect();
        let moved = Moved {
            attempt_id: self.attempt.id,
            from: &from,
            to,
            customer_action: action.as_ref(),
        };
        let written = async {
            let mut connection = database.acquire().await?;
            attempts::move_on(&mut connection, tenant_id, &moved, &calls).await
        };
        if let Err(error) = written.await {
            let cause: &dyn Error = &error;
            let order_id = self.attempt.order_id;
            tracing::warn!(%order_id, %to, cause, "could not record the observed state of a payment");
        }
    }
}

/// Saves calls to the history in a write of their own. Saving twice stores them once. A failure is logged and changes
/// nothing else, because the history only informs operators.
pub async fn save_calls(database: &Database, tenant_id: TenantId, calls: &UnsavedCalls) {
    if calls.is_empty() {
        return;
    }
    let saved = async {
        let mut connection = database.acquire().await?;
        gateway_calls::insert_calls(&mut connection, tenant_id, calls).await
    };
    if let Err(error) = saved.await {
        let cause: &dyn Error = &error;
        tracing::warn!(cause, "could not save calls to the gateway in the history");
    }
}
