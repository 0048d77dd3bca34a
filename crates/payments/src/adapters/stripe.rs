//! Stripe's HTTP API, and anything that speaks it: payment intents, refunds, charges and webhooks. Has no access to the
//! database.
//!
//! An intent is created without a payment method, so that no money can move; its ID is our reference. Confirming it is
//! the one call that takes money. Calls: <https://docs.stripe.com/api/payment_intents>,
//! <https://docs.stripe.com/api/refunds>.

mod amounts;
mod answers;
mod charges;
mod config;
mod disputes;
mod forms;
mod objects;
mod refunds;
mod reports;
#[cfg(test)]
mod scripted_gateway;
#[cfg(test)]
mod tests;
mod transport;
mod webhook_event;
mod webhook_signature;

use async_trait::async_trait;
use oms_circuit_breaker::{BreakerError, BreakerState, CircuitBreaker};
use oms_validation::{Currency, InstallationId, Money};

pub use config::{InvalidStripeConfig, StripeConfig};
pub(crate) use webhook_event::parse as parse_webhook;
pub use webhook_signature::{InvalidSignature, InvalidWebhookSecrets, WebhookSecrets};

use crate::ports::PrepareRequest;
use crate::{
    AmountRefusal, AmountStep, Answered, ChargeId, ChargePage, ChargeWindow, GatewayError,
    GatewayEventId, GatewayFault, ListedCharge, ListedDispute, ListedRefund, Operation,
    OperationKey, PaymentGateway, PaymentInstruction, PaymentStatus, Reference, RefundId,
    RefundOutcome, RefundRequest, ReportPage,
};
use answers::Reply;
use transport::{Answer, Call, Transport};

/// Name of this gateway and of its breaker, as stored with each attempt.
const NAME: &str = "stripe";

/// Stripe, or anything that speaks its protocol. Every call goes through one circuit breaker.
#[derive(Debug)]
pub struct StripeGateway {
    transport: Transport,
    breaker: CircuitBreaker,
    installation: Option<InstallationId>,
}

impl StripeGateway {
    /// Creates a gateway with its own connections.
    ///
    /// # Errors
    /// When the URL is invalid, or the key is not valid in a header.
    ///
    /// # Panics
    /// When the program has not installed a rustls crypto provider.
    pub fn new(config: &StripeConfig) -> Result<Self, InvalidStripeConfig> {
        Ok(Self {
            transport: Transport::new(config)?,
            breaker: CircuitBreaker::new(NAME, config.breaker),
            installation: config.installation,
        })
    }

    /// Makes a call and reads its answer, both guarded by the breaker. The transport's time-outs apply inside.
    async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(Answer) -> Result<T, GatewayError>,
    ) -> Result<Answered<T>, GatewayError> {
        let operation = call.operation;
        let guarded = async {
            let answer = self.transport.exchange(call).await?;
            let request_id = answer.request_id.clone();
            let value = read(answer)?;
            Ok(Answered {
                request_id,
                ..Answered::of(value)
            })
        };
        let called = self.breaker.call(GatewayError::is_unavailable, guarded);
        called.await.map_err(|error| match error {
            BreakerError::Refused => GatewayError::new(operation, GatewayFault::BreakerOpen),
            BreakerError::Inner(error) => error,
        })
    }

    /// Makes a call that changes the payment. A rejection that depends on the payment's state is answered with that
    /// state, read back, but with the request ID of the change.
    async fn change(
        &self,
        reference: &Reference,
        call: Call<'_>,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let operation = call.operation;
        let reply = self.call(call, |answer| {
            let reply = answers::of_payment(&answer, reference)?;
            let action = match &reply {
                Reply::Status(status) => answers::customer_action(&answer, status),
                Reply::ReadBack => None,
            };
            Ok((reply, action))
        });
        let Answered {
            value: (reply, customer_action),
            request_id,
            ..
        } = reply.await?;
        match reply {
            Reply::Status(value) => Ok(Answered {
                value,
                request_id,
                customer_action,
            }),
            Reply::ReadBack => match self.lookup(reference).await {
                Ok(read) => Ok(Answered { request_id, ..read }),
                Err(error) => {
                    let unavailable = error.is_unavailable();
                    let fault = GatewayFault::NotReadBack { unavailable };
                    // The read may be known to have had no effect; that says nothing of the change.
                    Err(GatewayError::new(operation, fault)
                        .with_request_id(request_id)
                        .with_source(error))
                }
            },
        }
    }
}

/// The error of a call that was not made, because Stripe can't express its amount.
fn refused(operation: Operation) -> impl Fn(AmountRefusal) -> GatewayError {
    move |refusal| GatewayError::new(operation, GatewayFault::Inexpressible(refusal))
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_available(&self) -> bool {
        !self.breaker.refuses()
    }

    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)> {
        vec![(self.breaker.name(), self.breaker.state())]
    }

    fn check_amount(&self, amount: Money) -> Result<(), AmountRefusal> {
        amounts::to_stripe(amount).map(|_| ())
    }

    fn step(&self, currency: Currency) -> AmountStep {
        amounts::step(currency)
    }

    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError> {
        let path = "/v1/payment_intents".to_owned();
        let form = forms::prepare(request, self.installation);
        let form = form.map_err(refused(Operation::Prepare))?;
        let call = Call::post(Operation::Prepare, path, form, request.key());
        self.call(call, |answer| answers::of_prepare(&answer, request.amount))
            .await
    }

    async fn confirm(
        &self,
        reference: &Reference,
        instruction: &PaymentInstruction,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/confirm");
        let form = forms::confirm(instruction);
        let call = Call::post(Operation::Confirm, path, form, key.clone());
        self.change(reference, call).await
    }

    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}");
        let call = Call::get(Operation::Lookup, path);
        let read = self.call(call, |answer| {
            let status = answers::of_lookup(&answer, reference)?;
            let action = answers::customer_action(&answer, &status);
            Ok((status, action))
        });
        let Answered {
            value: (value, customer_action),
            request_id,
            ..
        } = read.await?;
        Ok(Answered {
            value,
            request_id,
            customer_action,
        })
    }

    async fn cancel(
        &self,
        reference: &Reference,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/cancel");
        let call = Call::post(Operation::Cancel, path, forms::cancel(), key.clone());
        self.change(reference, call).await
    }

    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/capture");
        let form = forms::capture(amount).map_err(refused(Operation::Capture))?;
        let call = Call::post(Operation::Capture, path, form, key.clone());
        self.change(reference, call).await
    }

    async fn refund(
        &self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError> {
        let path = "/v1/refunds".to_owned();
        let form = forms::refund(request).map_err(refused(Operation::Refund))?;
        let call = Call::post(Operation::Refund, path, form, key.clone());
        let read = |answer| answers::of_refund(&answer, &request.reference);
        self.call(call, read).await
    }

    async fn find_refund(
        &self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
        refunds::find(self, reference, refund_id).await
    }

    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
        refunds::list(self, reference).await
    }

    async fn list_disputes(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
        disputes::list(self, reference).await
    }

    async fn list_reports(
        &self,
        window: &ChargeWindow,
        after: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError> {
        let call = Call::get(Operation::ListReports, reports::list_path(window, after));
        let page = self.call(call, |answer| reports::of_list(&answer, after));
        page.await.map(|answered| answered.value)
    }

    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        let call = Call::get(Operation::ListCharges, charges::list_path(window, after));
        let page = self.call(call, |answer| charges::of_list(&answer, after));
        page.await.map(|answered| answered.value)
    }

    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        let call = Call::get(Operation::FindCharge, format!("/v1/charges/{id}"));
        let charge = self.call(call, |answer| charges::of_find(&answer, id));
        charge.await.map(|answered| answered.value)
    }

    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        key: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let form = charges::refund_form(id, amount).map_err(refused(Operation::RefundCharge))?;
        let path = "/v1/refunds".to_owned();
        let call = Call::post(Operation::RefundCharge, path, form, key.clone());
        let refund = self.call(call, |answer| charges::of_refund(&answer, id));
        refund.await.map(|answered| answered.value)
    }
}
