//! Stripe's HTTP API, and anything that speaks it: payment intents, refunds, charges and webhooks. Knows no database.
//!
//! An intent is created without a payment method, so that no money can move; its id is our reference. Confirming it is
//! the one call that takes money. Calls: <https://docs.stripe.com/api/payment_intents>,
//! <https://docs.stripe.com/api/refunds>.

mod answers;
mod charges;
mod config;
mod forms;
mod objects;
#[cfg(test)]
mod scripted_gateway;
#[cfg(test)]
mod tests;
mod transport;
mod webhook_event;
mod webhook_signature;

use async_trait::async_trait;
use oms_circuit_breaker::{BreakerError, BreakerState, CircuitBreaker};
use oms_validation::Money;

pub use config::{InvalidStripeConfig, StripeConfig};
pub(crate) use webhook_event::parse as parse_webhook;
pub use webhook_signature::{InvalidSignature, InvalidWebhookSecrets, WebhookSecrets};

use crate::ports::PrepareRequest;
use crate::{
    ChargeId, ChargePage, ChargeWindow, GatewayError, GatewayFault, ListedCharge, Operation,
    OperationKey, PaymentGateway, PaymentMethod, PaymentStatus, Reference, RefundOutcome,
};
use answers::Reply;
use transport::{Answer, Call, Transport};

/// Name of this gateway, of its breaker, and in the attempts' rows.
const NAME: &str = "stripe";

/// Stripe, or anything that speaks its protocol. Every call goes through one circuit breaker.
#[derive(Debug)]
pub struct StripeGateway {
    transport: Transport,
    breaker: CircuitBreaker,
}

impl StripeGateway {
    /// A gateway with connections of its own.
    ///
    /// # Errors
    /// When the URL is not one, or the key can't stand in a header.
    ///
    /// # Panics
    /// When the program has not installed a rustls crypto provider.
    pub fn new(config: &StripeConfig) -> Result<Self, InvalidStripeConfig> {
        Ok(Self {
            transport: Transport::new(config)?,
            breaker: CircuitBreaker::new(NAME, config.breaker),
        })
    }

    /// Makes a call and reads its answer, both guarded by the breaker. The transport's time-outs are inside.
    async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(Answer) -> Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        let operation = call.operation;
        let guarded = async { read(self.transport.exchange(call).await?) };
        let called = self.breaker.call(GatewayError::is_unavailable, guarded);
        called.await.map_err(|error| match error {
            BreakerError::Refused => GatewayError::new(operation, GatewayFault::BreakerOpen),
            BreakerError::Inner(error) => error,
        })
    }

    /// A call that changes the payment. A refusal that depends on the payment's state is answered by that state.
    async fn change(
        &self,
        reference: &Reference,
        call: Call<'_>,
    ) -> Result<PaymentStatus, GatewayError> {
        let operation = call.operation;
        let reply = self.call(call, |answer| answers::of_payment(&answer, reference));
        match reply.await? {
            Reply::Status(status) => Ok(status),
            Reply::ReadBack => self.lookup(reference).await.map_err(|error| {
                let unavailable = error.is_unavailable();
                // The look-up may be known not to have happened; that says nothing of the change.
                GatewayError::new(operation, GatewayFault::NotReadBack { unavailable })
                    .with_source(error)
            }),
        }
    }
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

    async fn prepare(&self, request: &PrepareRequest) -> Result<Reference, GatewayError> {
        let path = "/v1/payment_intents".to_owned();
        let form = forms::prepare(request);
        let call = Call::post(Operation::Prepare, path, form, request.key());
        self.call(call, |answer| answers::of_prepare(&answer, request.amount))
            .await
    }

    async fn confirm(
        &self,
        reference: &Reference,
        method: &PaymentMethod,
        key: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/confirm");
        let form = forms::confirm(method);
        let call = Call::post(Operation::Confirm, path, form, key.clone());
        self.change(reference, call).await
    }

    async fn lookup(&self, reference: &Reference) -> Result<PaymentStatus, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}");
        let call = Call::get(Operation::Lookup, path);
        self.call(call, |answer| answers::of_lookup(&answer, reference))
            .await
    }

    async fn cancel(
        &self,
        reference: &Reference,
        key: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/cancel");
        let call = Call::post(Operation::Cancel, path, forms::cancel(), key.clone());
        self.change(reference, call).await
    }

    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        key: &OperationKey,
    ) -> Result<PaymentStatus, GatewayError> {
        let path = format!("/v1/payment_intents/{reference}/capture");
        let form = forms::capture(amount);
        let call = Call::post(Operation::Capture, path, form, key.clone());
        self.change(reference, call).await
    }

    async fn refund(
        &self,
        reference: &Reference,
        amount: Money,
        key: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let form = forms::refund(reference, amount);
        let path = "/v1/refunds".to_owned();
        let call = Call::post(Operation::Refund, path, form, key.clone());
        self.call(call, |answer| answers::of_refund(&answer, reference))
            .await
    }

    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError> {
        let call = Call::get(Operation::ListCharges, charges::list_path(window, after));
        self.call(call, |answer| charges::of_list(&answer, after))
            .await
    }

    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError> {
        let call = Call::get(Operation::FindCharge, format!("/v1/charges/{id}"));
        self.call(call, |answer| charges::of_find(&answer, id))
            .await
    }

    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        key: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError> {
        let form = charges::refund_form(id, amount);
        let path = "/v1/refunds".to_owned();
        let call = Call::post(Operation::RefundCharge, path, form, key.clone());
        self.call(call, |answer| charges::of_refund(&answer, id))
            .await
    }
}
