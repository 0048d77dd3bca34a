//! An in-process gateway that accepts everything immediately and moves no money, to measure how fast orders are placed
//! without measuring a gateway. It stores nothing: the reference contains what it needs to know of a payment.

use async_trait::async_trait;
use oms_circuit_breaker::BreakerState;
use oms_validation::{Currency, Money};

use crate::ports::PrepareRequest;
use crate::{
    AmountRefusal, AmountStep, Answered, ChargeId, ChargePage, ChargeWindow, GatewayError,
    GatewayEventId, GatewayFault, ListedCharge, ListedDispute, ListedRefund, Operation,
    OperationKey, PaymentGateway, PaymentInstruction, PaymentStatus, Reference, RefundId,
    RefundOutcome, RefundRequest, ReportPage,
};

/// Name of this gateway, as stored with each attempt.
const NAME: &str = "instant";

/// Collects no money. Never use it for real orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstantGateway;

#[async_trait]
impl PaymentGateway for InstantGateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_available(&self) -> bool {
        true
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    fn check_amount(&self, _: Money) -> Result<(), AmountRefusal> {
        Ok(())
    }

    fn step(&self, _: Currency) -> AmountStep {
        AmountStep::MINOR
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let Money {
            amount_minor,
            currency,
        } = request.amount;
        let order = request.order_id.as_uuid().simple();
        let attempt = request.attempt_number;
        let text = format!("{NAME}_{currency}_{amount_minor}_{attempt}_{order}");
        Reference::parse(&text)
            .map(Answered::of)
            .map_err(|error| unknown(Operation::Prepare).with_source(error))
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentInstruction,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        paid(Operation::Confirm, reference)
    }

    /// Confirmations are not remembered. `NotConfirmed` is the answer that lets an interrupted order be settled.
    async fn lookup(&self, _: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        Ok(Answered::of(PaymentStatus::NotConfirmed))
    }

    async fn cancel(
        &self,
        _: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        Ok(Answered::of(PaymentStatus::Cancelled))
    }

    async fn capture(
        &self,
        reference: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        paid(Operation::Capture, reference)
    }

    async fn refund(
        &self,
        request: &RefundRequest,
        _: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        Ok(Answered::of(refunded(request.refund_id, request.amount)?))
    }

    /// Refunds are not remembered. `None` is the answer that has an interrupted refund requested again.
    async fn find_refund(
        &self,
        _: &Reference,
        _: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        Ok(Answered::of(None))
    }

    async fn list_refunds(
        &self,
        _: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        Ok(Answered::of(Vec::new()))
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
        _: &ChargeWindow,
        _: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        Ok(ChargePage {
            charges: Vec::new(),
            next: None,
        })
    }

    async fn find_charge(&self, _: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        Ok(None)
    }

    async fn refund_charge(
        &self,
        _: &ChargeId,
        _: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        Err(unknown(Operation::RefundCharge))
    }
}

fn refunded(refund_id: RefundId, amount: Money) -> Result<RefundOutcome, GatewayError> {
    let text = format!("{NAME}_{}", refund_id.as_uuid().simple());
    let reference = Reference::parse(&text);
    let reference = reference.map_err(|error| unknown(Operation::Refund).with_source(error))?;
    Ok(RefundOutcome::Refunded { reference, amount })
}

fn paid(
    operation: Operation,
    reference: &Reference,
) -> Result<Answered<PaymentStatus>, GatewayError> {
    let amount = amount(reference).ok_or_else(|| unknown(operation))?;
    Ok(Answered::of(PaymentStatus::Paid { amount }))
}

fn amount(reference: &Reference) -> Option<Money> {
    let mut parts = reference.as_str().split('_').skip(1);
    Some(Money {
        currency: Currency::parse_stored(parts.next()?).ok()?,
        amount_minor: parts.next()?.parse().ok()?,
    })
}

/// The error for a reference that this gateway did not make.
fn unknown(operation: Operation) -> GatewayError {
    let fault = GatewayFault::Rejected {
        status: 404,
        code: None,
        param: None,
    };
    GatewayError::new(operation, fault)
}
