//! Payments, refunds and calls to the gateway as JSON.

use chrono::{DateTime, Utc};
use oms_payments::{
    Attempt, AttemptId, CustomerAction, DisputeState, GatewayCall, Refund, RefundActor, RefundId,
    RefundState,
};
use oms_validation::{Money, OrderId};
use serde::Serialize;
use utoipa::ToSchema;

use super::examples;
use crate::domain::dispute::Dispute;
use crate::domain::open_payment::{OpenPayment, PaymentAction};

/// An attempt to collect the payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    #[schema(value_type = oms_payments::AttemptState)]
    state: &'static str,
    gateway: String,
    attempt: i32,
    amount: Money,
    /// The captured amount. Absent until the payment is captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<Money>,
    /// The amount refunded so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
    /// The amount that can still be refunded: captured, not refunded, and not part of a pending refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_code: Option<String>,
    /// The newest dispute of the payment, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeBody>,
    /// Present with `needs_action`, only for credentials that may write orders. The gateway's browser library uses it
    /// to finish this payment. Send it to the customer's browser only.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Present with `needs_action`, only for credentials that may write orders: what the customer must do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
    /// What the storefront can do, while the order is `PENDING_PAYMENT` and no payment is in progress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    actions: Vec<PaymentAction>,
    /// Present with `actions`: when the order fails and its stock is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// A dispute of the payment that the customer opened at the bank.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Dispute)]
struct DisputeBody {
    /// The gateway's ID of the dispute.
    id: String,
    state: DisputeState,
    amount: Money,
    /// The reason, in the gateway's words.
    reason: String,
    /// Deadline for submitting evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_due_at: Option<DateTime<Utc>>,
    opened_at: DateTime<Utc>,
}

/// What the customer must do before a payment can continue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NextAction {
    /// `redirect_to_url`: send the customer to `redirectUrl`. Any other type, such as `use_stripe_sdk`, is handled by
    /// the gateway's browser library.
    #[serde(rename = "type")]
    #[schema(examples("redirect_to_url"))]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
}

/// Whether an answer includes what is needed to pay the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    Shown,
    Kept,
}

/// A refund: made, pending or failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refund, examples(examples::refund))]
pub(super) struct RefundBody {
    refund_id: RefundId,
    order_id: OrderId,
    #[schema(value_type = RefundState)]
    status: &'static str,
    /// Who initiated the refund.
    #[schema(value_type = RefundActor)]
    actor: &'static str,
    /// Who requested it from oms, such as `api:support.ann`. Absent if that was not recorded, and for refunds made
    /// elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    created_at: DateTime<Utc>,
}

/// A call to the gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GatewayCall)]
pub(super) struct CallBody {
    operation: String,
    attempt: i32,
    /// 1 for the first request.
    repetition: u32,
    gateway: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The gateway's own ID of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    outcome: String,
    /// `known` or `unknown`.
    #[schema(value_type = oms_payments::CallEffect)]
    effect: &'static str,
    duration_ms: u64,
}

impl Payment {
    /// An attempt, with the sums of the order's refunds of it.
    pub(super) fn of(attempt: Attempt, refunds: &[Refund], disputes: Vec<Dispute>) -> Self {
        let captured = attempt.captured;
        let sum =
            |captured, states: &[RefundState]| refunded(attempt.id, captured, refunds, states);
        let left = |captured: Money| Money {
            amount_minor: captured.amount_minor
                - sum(captured, &[RefundState::Refunded, RefundState::Pending]).amount_minor,
            ..captured
        };
        Self {
            state: attempt.state.as_str(),
            gateway: attempt.gateway,
            attempt: attempt.number,
            amount: attempt.amount,
            captured,
            refunded: captured.map(|captured| sum(captured, &[RefundState::Refunded])),
            refundable: captured.map(left),
            reference: attempt.reference.map(|reference| reference.to_string()),
            decline_code: attempt.decline_code.map(|code| code.to_string()),
            dispute: disputes.into_iter().next().map(DisputeBody::from),
            client_secret: None,
            next_action: None,
            actions: Vec::new(),
            expires_at: None,
        }
    }

    /// The payment of a pending order: nothing of it was captured.
    pub(super) fn of_open(payment: OpenPayment, disputes: Vec<Dispute>, secrets: Secrets) -> Self {
        let actions = payment.actions();
        let expires_at = (!actions.is_empty()).then_some(payment.expires_at);
        let mut attempt = payment.attempt;
        let action = attempt.customer_action.take();
        let action = action.filter(|_| secrets == Secrets::Shown);
        Self {
            client_secret: action
                .as_ref()
                .map(|it| it.expose_client_secret().to_owned()),
            next_action: action.map(|action| NextAction::from(*action)),
            actions,
            expires_at,
            ..Self::of(attempt, &[], disputes)
        }
    }
}

impl From<CustomerAction> for NextAction {
    fn from(action: CustomerAction) -> Self {
        Self {
            kind: action.kind().to_owned(),
            redirect_url: action.expose_redirect_url().map(str::to_owned),
        }
    }
}

fn refunded(
    attempt_id: AttemptId,
    captured: Money,
    refunds: &[Refund],
    states: &[RefundState],
) -> Money {
    let counts = |it: &&Refund| it.attempt_id == attempt_id && states.contains(&it.state);
    let done = refunds.iter().filter(counts);
    Money {
        amount_minor: done.map(|it| it.amount.amount_minor).sum(),
        ..captured
    }
}

impl From<Dispute> for DisputeBody {
    fn from(dispute: Dispute) -> Self {
        Self {
            id: dispute.reference.to_string(),
            state: dispute.state,
            amount: dispute.amount,
            reason: dispute.reason,
            evidence_due_at: dispute.evidence_due_at,
            opened_at: dispute.opened_at,
        }
    }
}

impl From<Refund> for RefundBody {
    fn from(refund: Refund) -> Self {
        Self {
            refund_id: refund.id,
            order_id: refund.order_id,
            status: refund.state.as_str(),
            actor: refund.actor.as_str(),
            requested_by: refund.requested_by,
            amount: refund.amount,
            reason: refund.reason,
            failure_code: refund.failure_code.map(|code| code.to_string()),
            reference: refund.reference.map(|reference| reference.to_string()),
            created_at: refund.created_at,
        }
    }
}

impl From<GatewayCall> for CallBody {
    fn from(call: GatewayCall) -> Self {
        Self {
            operation: call.operation,
            attempt: call.attempt_number,
            repetition: call.repetition,
            gateway: call.gateway,
            reference: call.reference.map(|reference| reference.to_string()),
            request_id: call.request_id,
            outcome: call.outcome,
            effect: call.effect.as_str(),
            duration_ms: u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
