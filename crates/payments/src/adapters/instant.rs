//! A gateway in this process that says yes to everything, at once, and moves no money: for measuring how fast orders are
//! placed without measuring a gateway. It keeps nothing: what it has to know of a payment stands in the reference.

use async_trait::async_trait;
use oms_circuit_breaker::BreakerState;
use oms_validation::{Currency, Money};

use crate::ports::PrepareRequest;
use crate::{
    GatewayError, GatewayFault, Operation, OperationKey, PaymentGateway, PaymentMethod,
    PaymentStatus, Reference, RefundOutcome,
};

/// Name of this gateway in the attempts' rows.
const NAME: &str = "instant";

/// Collects nothing from nobody. Never use it where an order is meant.
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

    async fn prepare(&self, request: &PrepareRequest) -> Result<Reference, GatewayError> {
        let Money {
            amount_minor,
            currency,
        } = request.amount;
        let order = request.order_id.as_uuid().simple();
        let attempt = request.attempt_number;
        let text = format!("{NAME}_{currency}_{amount_minor}_{attempt}_{order}");
        Reference::parse(&text).map_err(|error| unknown(Operation::Prepare).with_source(error))
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentMethod,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        paid(Operation::Confirm, reference)
    }

    /// Whether somebody confirmed is not remembered. No is the answer that lets an order which was cut off end.
    async fn lookup(&self, _: &Reference) -> Result<PaymentStatus, GatewayError> {
        Ok(PaymentStatus::NotConfirmed)
    }

    async fn cancel(&self, _: &Reference, _: &OperationKey) -> Result<PaymentStatus, GatewayError> {
        Ok(PaymentStatus::Cancelled)
    }

    async fn capture(
        &self,
        reference: &Reference,
        _: Money,
        _: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        paid(Operation::Capture, reference)
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

fn paid(operation: Operation, reference: &Reference) -> Result<PaymentStatus, GatewayError> {
    let amount = amount(reference).ok_or_else(|| unknown(operation))?;
    Ok(PaymentStatus::Paid { amount })
}

fn amount(reference: &Reference) -> Option<Money> {
    let mut parts = reference.as_str().split('_').skip(1);
    Some(Money {
        currency: Currency::parse(parts.next()?).ok()?,
        amount_minor: parts.next()?.parse().ok()?,
    })
}

/// The reference is not one of ours.
fn unknown(operation: Operation) -> GatewayError {
    let fault = GatewayFault::Rejected {
        status: 404,
        code: None,
        param: None,
    };
    GatewayError::new(operation, fault)
}

#[cfg(test)]
mod tests {
    use oms_validation::{OrderId, TenantId};

    use super::*;

    #[tokio::test]
    async fn what_was_prepared_is_paid_in_full_and_anything_else_is_unknown() {
        let amount = Money {
            amount_minor: 1250,
            currency: Currency::parse("USD").unwrap(),
        };
        let request = PrepareRequest {
            order_id: OrderId::generate(),
            tenant_id: TenantId::generate(),
            attempt_number: 1,
            amount,
        };
        let gateway = InstantGateway;
        let method = PaymentMethod::parse_token("pm_card_visa").unwrap();
        let reference = gateway.prepare(&request).await.unwrap();
        let confirmed = gateway.confirm(&reference, &method, &request.key()).await;
        assert_eq!(confirmed.unwrap(), PaymentStatus::Paid { amount });

        let other = Reference::parse("pi_other").unwrap();
        let refused = gateway.confirm(&other, &method, &request.key()).await;
        assert_eq!(refused.unwrap_err().effect(), crate::Effect::DidNotHappen);
    }
}
