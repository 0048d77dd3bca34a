//! The parts of Stripe's objects that we read.

use oms_validation::{Currency, InstallationId, Money, OrderId, TenantId};
use serde::Deserialize;

use crate::{
    CustomerAction, DeclineCode, ListedRefund, ListedState, PaymentStatus, Reference, RefundActor,
    RefundFailure, RefundId, RefundOutcome,
};

/// <https://docs.stripe.com/api/payment_intents/object>
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) last_payment_error: Option<ErrorObject>,
}

/// The parts of an intent that tell what the customer has to do. Not `Debug`: they are secrets.
/// <https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action>
#[derive(Deserialize)]
pub(super) struct WaitingIntent {
    client_secret: Option<String>,
    next_action: Option<NextAction>,
}

#[derive(Deserialize)]
struct NextAction {
    #[serde(rename = "type")]
    kind: String,
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Deserialize)]
struct RedirectToUrl {
    url: Option<String>,
}

/// <https://docs.stripe.com/api/refunds/object>
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) charge: Option<String>,
    pub(super) id: String,
    pub(super) payment_intent: Option<String>,
    pub(super) status: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) failure_reason: Option<String>,
    pub(super) metadata: Option<RefundMetadata>,
}

/// What we keep with a refund.
#[derive(Debug, Deserialize)]
pub(super) struct RefundMetadata {
    pub(super) refund_id: Option<String>,
}

/// A page of a list. <https://docs.stripe.com/api/pagination>
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

/// What `prepare` wrote on an intent, and Stripe copies to the charge that comes of it.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    order_id: Option<String>,
    tenant_id: Option<String>,
    installation_id: Option<String>,
}

/// What an answer with an error status holds. <https://docs.stripe.com/api/errors>
#[derive(Debug, Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) error: ErrorObject,
}

/// <https://docs.stripe.com/api/errors>. Its message is not read: it may repeat what we sent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorObject {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) param: Option<String>,
    pub(super) payment_intent: Option<ErrorIntent>,
}

/// The intent that an error is about.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorIntent {
    pub(super) status: Option<String>,
}

impl Metadata {
    /// The store; none when it is not one of ours that is named.
    pub(super) fn tenant_id(&self) -> Option<TenantId> {
        self.tenant_id.as_deref()?.parse().ok()
    }

    /// The installation; none when none is named.
    pub(super) fn installation_id(&self) -> Option<InstallationId> {
        self.installation_id.as_deref()?.parse().ok()
    }

    /// The order; none when it is not one of ours that is named.
    pub(super) fn order_id(&self) -> Option<OrderId> {
        self.order_id.as_deref()?.parse().ok()
    }
}

impl Intent {
    /// What it says of the payment; none when it says something that Stripe does not document.
    ///
    /// <https://docs.stripe.com/payments/paymentintents/lifecycle>
    pub(super) fn payment_status(&self) -> Option<PaymentStatus> {
        Some(match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => PaymentStatus::Paid {
                amount: money(self.amount_received, &self.currency)?,
            },
            ("requires_payment_method", Some(error)) => PaymentStatus::Declined {
                code: error.decline(),
            },
            ("requires_payment_method", None) | ("requires_confirmation", _) => {
                PaymentStatus::NotConfirmed
            }
            ("requires_action", _) => PaymentStatus::NeedsAction,
            ("processing", _) => PaymentStatus::Processing,
            ("requires_capture", _) => PaymentStatus::Authorised,
            ("canceled", _) => PaymentStatus::Cancelled,
            _ => return None,
        })
    }

    /// What it was made for.
    pub(super) fn money(&self) -> Option<Money> {
        money(self.amount, &self.currency)
    }
}

impl WaitingIntent {
    /// What the customer has to do; none when it does not say so in a way that a browser could use.
    pub(super) fn customer_action(&self) -> Option<CustomerAction> {
        let next = self.next_action.as_ref()?;
        let redirect = next.redirect_to_url.as_ref();
        let url = redirect.and_then(|redirect| redirect.url.as_deref());
        CustomerAction::new(self.client_secret.as_deref()?, &next.kind, url)
    }
}

impl Refund {
    /// What it says; none when it says something that Stripe does not document.
    ///
    /// <https://docs.stripe.com/api/refunds/object#refund_object-status>
    pub(super) fn outcome(&self) -> Option<RefundOutcome> {
        let reference = Reference::parse(&self.id).ok()?;
        let amount = money(self.amount, &self.currency)?;
        Some(match self.status.as_deref()? {
            "succeeded" => RefundOutcome::Refunded { reference, amount },
            "pending" | "requires_action" => RefundOutcome::Pending { reference, amount },
            status @ ("failed" | "canceled") => RefundOutcome::Failed {
                reference,
                amount,
                code: RefundFailure::new(self.failure_reason.as_deref().unwrap_or(status)),
            },
            _ => return None,
        })
    }

    /// What a list says of it; none when it says something that Stripe does not document. A list can't say that all had
    /// been given back before.
    pub(super) fn listed(&self) -> Option<ListedRefund> {
        let (reference, amount, state) = match self.outcome()? {
            RefundOutcome::Refunded { reference, amount } => {
                (reference, amount, ListedState::Refunded)
            }
            RefundOutcome::Pending { reference, amount } => {
                (reference, amount, ListedState::Pending)
            }
            RefundOutcome::Failed {
                reference,
                amount,
                code,
            } => (reference, amount, ListedState::Failed(code)),
            RefundOutcome::AlreadyRefunded => return None,
        };
        let carried = self.metadata.as_ref().and_then(|it| it.refund_id.as_ref());
        Some(ListedRefund {
            reference,
            refund_id: carried.and_then(|id| id.parse().ok()),
            actor: RefundActor::Gateway,
            amount,
            state,
        })
    }

    /// Whether it carries this refund's id.
    pub(super) fn carries(&self, refund_id: RefundId) -> bool {
        let carried = self.metadata.as_ref().and_then(|it| it.refund_id.as_ref());
        carried.is_some_and(|carried| *carried == refund_id.to_string())
    }

    /// Whether it belongs to this payment.
    pub(super) fn is_of(&self, reference: &Reference) -> bool {
        self.payment_intent.as_deref() == Some(reference.as_str())
    }
}

impl ErrorObject {
    /// Why the payment was declined: the issuer's reason if there is one, or else Stripe's. A payment method that does
    /// not exist is `invalid_payment_method`, because Stripe's `resource_missing` does not say what is missing.
    pub(super) fn decline(&self) -> DeclineCode {
        let code = self.decline_code.as_deref().or(self.code.as_deref());
        DeclineCode::new(match code {
            Some("resource_missing") => "invalid_payment_method",
            Some(code) => code,
            None => "",
        })
    }
}

/// Stripe spells currencies in lower case.
pub(super) fn money(amount_minor: i64, currency: &str) -> Option<Money> {
    Some(Money {
        amount_minor,
        currency: Currency::parse_stored(&currency.to_ascii_uppercase()).ok()?,
    })
}
