//! The port to payment gateways.

mod gateway_error;

use async_trait::async_trait;
use oms_circuit_breaker::BreakerState;
use oms_validation::{Currency, Money, OrderId, TenantId};

pub use gateway_error::{Effect, GatewayError, GatewayFault, Refusal};

use crate::{
    AmountRefusal, AmountStep, Attempt, ChargeId, ChargePage, ChargeWindow, CustomerAction,
    GatewayEventId, ListedCharge, ListedDispute, ListedRefund, Operation, OperationKey,
    PaymentInstruction, PaymentStatus, Reference, Refund, RefundId, RefundOutcome, ReportPage,
};

/// A payment gateway. Never call it while you hold a database connection.
///
/// Every error says whether its effect is known not to have happened. An unknown effect is read back by reference. The
/// call is never repeated blindly, because a gateway may answer a repeated key with its first failure.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The gateway's name, which is stored with each attempt.
    fn name(&self) -> &'static str;

    /// False while calls would be refused without being made. Reading it changes nothing.
    fn is_available(&self) -> bool;

    /// The states of the gateway's circuit breakers, by name. Reading them changes nothing.
    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)>;

    /// Checks that the gateway can express an amount and accepts payments that large. Calls nothing. The gateway itself
    /// may still reject the amount, for example as too small: what it accepts depends on the account.
    ///
    /// # Errors
    /// [`AmountRefusal`]
    fn check_amount(&self, amount: Money) -> Result<(), AmountRefusal>;

    /// The smallest amount in a currency that the gateway can express, in minor units; every amount is a multiple of it.
    /// Calls nothing.
    fn step(&self, currency: Currency) -> AmountStep;

    /// Prepares a payment that carries the order's ID. No money can move until it is confirmed. Preparing the same
    /// attempt again returns the same reference, as long as the gateway remembers the key.
    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError>;

    /// Collects the payment.
    ///
    /// `NotConfirmed` proves nothing here: another confirmation may be in flight.
    async fn confirm(
        &self,
        reference: &Reference,
        instruction: &PaymentInstruction,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Reads the payment.
    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Cancels the payment. `Cancelled` proves that nothing was taken or ever will be, and `Paid` that it was too late.
    /// Any other status means that the payment can't be cancelled now. Use a [unique](OperationKey::unique) key,
    /// because the answer must be fresh.
    async fn cancel(
        &self,
        reference: &Reference,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Captures money that was authorised.
    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Refunds money, and stores the refund's ID with the gateway's refund.
    async fn refund(
        &self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError>;

    /// Returns the outcome of a refund of this payment, by the ID that is stored with it; `None` if there is no such
    /// refund. `None` proves nothing while a request may be in flight.
    async fn find_refund(
        &self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError>;

    /// Lists all refunds of this payment, including those made elsewhere, newest first.
    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError>;

    /// Lists all disputes of this payment, newest first.
    async fn list_disputes(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError>;

    /// Lists the payments for which the gateway reported a refund or a dispute within a window, to find webhooks that
    /// never arrived. `after` is the previous page's [`next`](ReportPage::next). Each gateway decides how long it keeps
    /// reports.
    async fn list_reports(
        &self,
        window: &ChargeWindow,
        after: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError>;

    /// Lists all charges, including those made elsewhere, newest first. `after` is the previous page's
    /// [`next`](ChargePage::next).
    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError>;

    /// Reads one charge; `None` if the gateway does not know it.
    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError>;

    /// Refunds one charge: for a charge that belongs to no payment of ours, or is not its only one. The gateway never
    /// refunds more than it took, in any number of calls.
    async fn refund_charge(
        &self,
        id: &ChargeId,
        amount: Money,
        key: &OperationKey,
    ) -> Result<RefundOutcome, GatewayError>;
}

/// A gateway's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The content of the answer.
    pub value: T,
    /// The gateway's request ID, for its support team.
    pub request_id: Option<String>,
    /// With [`PaymentStatus::NeedsAction`], what the customer must do, if the gateway reports it.
    pub customer_action: Option<CustomerAction>,
}

impl<T> Answered<T> {
    /// An answer without a request ID.
    pub const fn of(value: T) -> Self {
        Self {
            value,
            request_id: None,
            customer_action: None,
        }
    }
}

/// A request to prepare a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareRequest {
    /// The order to be paid.
    pub order_id: OrderId,
    /// The tenant of the order.
    pub tenant_id: TenantId,
    /// 1 for an order's first attempt.
    pub attempt_number: i32,
    /// What the customer must pay.
    pub amount: Money,
    /// Whether the customer may be sent to another site, which requires a page to return to.
    pub allows_redirects: bool,
}

impl PrepareRequest {
    /// The request that prepares an attempt.
    pub fn of(tenant_id: TenantId, attempt: &Attempt) -> Self {
        Self {
            order_id: attempt.order_id,
            tenant_id,
            attempt_number: attempt.number,
            amount: attempt.amount,
            allows_redirects: false,
        }
    }

    /// The same request, for a customer who may be sent to another site.
    #[must_use]
    pub const fn allowing_redirects(mut self, allows_redirects: bool) -> Self {
        self.allows_redirects = allows_redirects;
        self
    }

    /// The key that makes repeated requests prepare the same payment.
    pub fn key(&self) -> OperationKey {
        OperationKey::new(self.order_id, Operation::Prepare, self.attempt_number)
    }
}

/// A request to refund money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The payment.
    pub reference: Reference,
    /// The order that was paid.
    pub order_id: OrderId,
    /// The ID of our refund.
    pub refund_id: RefundId,
    /// The amount to refund.
    pub amount: Money,
}

impl RefundRequest {
    /// The request for a refund of a payment.
    pub fn of(reference: &Reference, refund: &Refund) -> Self {
        Self {
            reference: reference.clone(),
            order_id: refund.order_id,
            refund_id: refund.id,
            amount: refund.amount,
        }
    }
}
