//! What this context needs of a payment gateway.

mod gateway_error;

use async_trait::async_trait;
use oms_circuit_breaker::BreakerState;
use oms_validation::{Money, OrderId, TenantId};

pub use gateway_error::{Effect, GatewayError, GatewayFault, Refusal};

use crate::{
    Attempt, ChargeId, ChargePage, ChargeWindow, CustomerAction, GatewayEventId, ListedCharge,
    ListedDispute, ListedRefund, Operation, OperationKey, PaymentInstruction, PaymentStatus,
    Reference, Refund, RefundId, RefundOutcome, ReportPage,
};

/// A payment gateway. Never call it with a database connection in hand.
///
/// Every error says whether its effect is known not to have happened. What is unknown is read back by reference: it is
/// never repeated blindly, because a gateway may answer a repeated key with the failure that it gave first.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Its name, which is stored with each attempt.
    fn name(&self) -> &'static str;

    /// False while calls would be refused without being made. Asking changes nothing.
    fn is_available(&self) -> bool;

    /// The circuit breakers in front of it, by name. Asking changes nothing.
    fn breaker_states(&self) -> Vec<(&'static str, BreakerState)>;

    /// Makes a payment that carries the order's id and that no money can move by until somebody confirms it.
    /// Repeating it for the same attempt gives the same reference, as long as the gateway keeps keys.
    async fn prepare(&self, request: &PrepareRequest) -> Result<Answered<Reference>, GatewayError>;

    /// Collects the payment.
    ///
    /// `NotConfirmed` proves nothing here: another confirmation may be on its way.
    async fn confirm(
        &self,
        reference: &Reference,
        instruction: &PaymentInstruction,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Reads the payment.
    async fn lookup(&self, reference: &Reference) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// The fence: `Cancelled` is proof that nothing was taken or ever will be, and `Paid` that it was too late. Any
    /// other status means that the payment can't be cancelled now. Give it a key that is
    /// [unique](OperationKey::unique): the answer has to be fresh.
    async fn cancel(
        &self,
        reference: &Reference,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Takes money that was authorised.
    async fn capture(
        &self,
        reference: &Reference,
        amount: Money,
        key: &OperationKey,
    ) -> Result<Answered<PaymentStatus>, GatewayError>;

    /// Gives money back, and keeps the refund's id with it.
    async fn refund(
        &self,
        request: &RefundRequest,
        key: &OperationKey,
    ) -> Result<Answered<RefundOutcome>, GatewayError>;

    /// What became of a refund of this payment, by the id that was kept with it; none when there is no such refund.
    /// None proves nothing while a request may be under way.
    async fn find_refund(
        &self,
        reference: &Reference,
        refund_id: RefundId,
    ) -> Result<Answered<Option<RefundOutcome>>, GatewayError>;

    /// Lists all refunds of this payment, whoever asked for them, the newest first.
    async fn list_refunds(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedRefund>>, GatewayError>;

    /// Lists all disputes of this payment, the newest first.
    async fn list_disputes(
        &self,
        reference: &Reference,
    ) -> Result<Answered<Vec<ListedDispute>>, GatewayError>;

    /// Lists the payments of which a refund or a dispute was reported within a window, for webhooks that never came.
    /// `after` is the former page's [`next`](ReportPage::next). How long a gateway remembers is its own affair.
    async fn list_reports(
        &self,
        window: &ChargeWindow,
        after: Option<&GatewayEventId>,
    ) -> Result<ReportPage, GatewayError>;

    /// Lists what was charged, whoever asked for it, the newest first. `after` is the former page's
    /// [`next`](ChargePage::next).
    async fn list_charges(
        &self,
        window: &ChargeWindow,
        after: Option<&ChargeId>,
    ) -> Result<ChargePage, GatewayError>;

    /// Reads one charge; none when the gateway does not know it.
    async fn find_charge(&self, id: &ChargeId) -> Result<Option<ListedCharge>, GatewayError>;

    /// Gives one charge back, for when it is not, or not the only one, of a payment of ours. The gateway gives back no
    /// more than was taken, in however many calls.
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
    /// What it says.
    pub value: T,
    /// The gateway's own id of the request, for its support.
    pub request_id: Option<String>,
    /// With [`PaymentStatus::NeedsAction`], what the customer has to do, where the gateway says it.
    pub customer_action: Option<CustomerAction>,
}

impl<T> Answered<T> {
    /// An answer without an id.
    pub const fn of(value: T) -> Self {
        Self {
            value,
            request_id: None,
            customer_action: None,
        }
    }
}

/// What a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareRequest {
    /// The order that is paid for.
    pub order_id: OrderId,
    /// The store that it belongs to.
    pub tenant_id: TenantId,
    /// 1 for an order's first attempt.
    pub attempt_number: i32,
    /// What the customer shall pay.
    pub amount: Money,
    /// Whether the customer may be sent to another site: there is a page to come back to.
    pub allows_redirects: bool,
}

impl PrepareRequest {
    /// What to prepare for an attempt.
    pub fn of(tenant_id: TenantId, attempt: &Attempt) -> Self {
        Self {
            order_id: attempt.order_id,
            tenant_id,
            attempt_number: attempt.number,
            amount: attempt.amount,
            allows_redirects: false,
        }
    }

    /// The same for a customer who may be sent to another site.
    #[must_use]
    pub const fn allowing_redirects(mut self, allows_redirects: bool) -> Self {
        self.allows_redirects = allows_redirects;
        self
    }

    /// The key under which it is prepared once.
    pub fn key(&self) -> OperationKey {
        OperationKey::new(self.order_id, Operation::Prepare, self.attempt_number)
    }
}

/// What is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The payment.
    pub reference: Reference,
    /// The order that was paid for.
    pub order_id: OrderId,
    /// The refund's own id.
    pub refund_id: RefundId,
    /// How much.
    pub amount: Money,
}

impl RefundRequest {
    /// What to ask for a refund of a payment.
    pub fn of(reference: &Reference, refund: &Refund) -> Self {
        Self {
            reference: reference.clone(),
            order_id: refund.order_id,
            refund_id: refund.id,
            amount: refund.amount,
        }
    }
}
