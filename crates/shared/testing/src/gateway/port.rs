//! The port of the in-memory gateway, which maps each operation to the books.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use oms_payments::{
    AmountRefusal, AmountStep, Answered, BreakerState, ChargeId, ChargePage, ChargeWindow,
    GatewayError, GatewayEventId, ListedCharge, ListedDispute, ListedRefund, Operation,
    OperationKey, PaymentGateway, PaymentInstruction, PaymentStatus, PrepareRequest, Reference,
    RefundId, RefundOutcome, RefundRequest, ReportPage,
};
use oms_validation::{Currency, Money};

use super::{NAME, Plan, ScriptedGateway, customer_action};

/// The largest amount of one payment.
const MAX_AMOUNT_MINOR: i64 = 99_999_999;

/// The last of three decimals must be 0, as with Stripe.
fn step_minor(currency: Currency) -> i64 {
    match currency.exponent() {
        3 => 10,
        _ => 1,
    }
}

#[async_trait]
impl PaymentGateway for ScriptedGateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_available(&self) -> bool {
        let script = self.script.as_ref();
        self.available.load(Ordering::SeqCst) && script.is_none_or(|it| it.is_available())
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        Vec::new()
    }

    fn check_amount(&self, amount: Money) -> Result<(), AmountRefusal> {
        let step_minor = step_minor(amount.currency);
        match amount.amount_minor {
            minor if minor % step_minor != 0 => Err(AmountRefusal::Step {
                currency: amount.currency,
                step_minor,
            }),
            ..=MAX_AMOUNT_MINOR => Ok(()),
            _ => Err(AmountRefusal::TooLarge {
                currency: amount.currency,
                max_minor: MAX_AMOUNT_MINOR,
            }),
        }
    }

    fn step(&self, currency: Currency) -> AmountStep {
        AmountStep::new(step_minor(currency))
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let reference = self.books().name_of(request);
        self.call(Operation::Prepare, Some(&reference), |books, _| {
            books.prepare(&reference, request);
            Ok(reference.clone())
        })
        .await
    }

    async fn confirm(
        &self,
        reference: &Reference,
        _: &PaymentInstruction,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let paid = |amount| PaymentStatus::Paid { amount };
        let answered = self.change(Operation::Confirm, reference, paid).await?;
        let must_act = answered.value == PaymentStatus::NeedsAction;
        Ok(Answered {
            customer_action: must_act.then(|| customer_action(reference)),
            ..answered
        })
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        self.call(Operation::Lookup, Some(reference), |books, plan| {
            books.known(reference)?;
            // The payment changed in some way before the lookup.
            if let Plan::Become(status) = plan {
                books.force(reference, status.clone());
            }
            Ok(books.status(reference))
        })
        .await
    }

    async fn cancel(
        &self,
        reference: &Reference,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let cancelled = |_| PaymentStatus::Cancelled;
        self.change(Operation::Cancel, reference, cancelled).await
    }

    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        _: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let paid = |_| PaymentStatus::Paid { amount };
        self.change(Operation::Capture, reference, paid).await
    }

    async fn refund(
        &self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        self.books().refund_keys.push(key.as_str().to_owned());
        self.call(
            Operation::Refund,
            Some(&request.reference),
            |books, plan| books.refund_once(request, key, plan),
        )
        .await
    }

    async fn find_refund(
        &self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        self.call(Operation::FindRefund, Some(reference), |books, plan| {
            Ok(books.find_refund(reference, refund_id, plan))
        })
        .await
    }

    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        self.call(Operation::ListRefunds, Some(reference), |books, _| {
            Ok(books.refunds_of(reference))
        })
        .await
    }

    async fn list_disputes(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
        self.call(Operation::ListDisputes, Some(reference), |books, _| {
            Ok(books.disputes_of(reference))
        })
        .await
    }

    async fn list_reports(
        &self,
        _: &ChargeWindow,
        _: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError> {
        let listed = self.call(Operation::ListReports, None, |books, _| Ok(books.reports()));
        Ok(listed.await?.value)
    }

    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        let listed = self.call(Operation::ListCharges, None, |books, _| {
            Ok(books.page(window, after))
        });
        Ok(listed.await?.value)
    }

    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        let found = self.call(Operation::FindCharge, None, |books, _| {
            Ok(books.find_charge(id))
        });
        Ok(found.await?.value)
    }

    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        _: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let refunded = self.call(Operation::RefundCharge, None, |books, _| {
            books.refund_charge(id, amount)
        });
        Ok(refunded.await?.value)
    }
}
