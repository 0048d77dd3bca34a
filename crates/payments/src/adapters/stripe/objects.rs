//! The parts of Stripe's objects that the adapter reads.

use oms_validation::{InstallationId, Money, OrderId, TenantId};
use serde::Deserialize;

use super::amounts::from_stripe;
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

/// The parts of an intent that say what the customer must do. Not `Debug`, because they are secrets.
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

/// The metadata that we store with a refund.
#[derive(Debug, Deserialize)]
pub(super) struct RefundMetadata {
    pub(super) refund_id: Option<String>,
}

/// A page of a list. <https://docs.stripe.com/api/pagination>
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<Entry<T>>,
    pub(super) has_more: bool,
}

/// An entry of a list. One that can't be read must not hide the others.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Entry<T> {
    Read(T),
    Odd(Named),
}

/// An object of which only the ID can be read.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    id: String,
}

/// An object with an ID.
pub(super) trait Object {
    fn id(&self) -> &str;
}

impl Object for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl<T: Object> Entry<T> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Read(object) => object.id(),
            Self::Odd(named) => &named.id,
        }
    }
}

impl<T: Object> Page<T> {
    /// The ID of the last entry.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.data.last().map(Entry::id)
    }

    /// Whether there is an entry that can't be read.
    pub(super) fn has_odd(&self) -> bool {
        self.data.iter().any(|entry| matches!(entry, Entry::Odd(_)))
    }

    /// The entries that could be read.
    pub(super) fn read(&self) -> impl Iterator<Item = &T> {
        self.data.iter().filter_map(|entry| match entry {
            Entry::Read(object) => Some(object),
            Entry::Odd(_) => None,
        })
    }

    /// Converts the entries, and skips those that can't be read: for example in a currency that has no unit as small as
    /// the amount, which no payment of ours can be in.
    pub(super) fn convert<L>(&self, listed: impl Fn(&T) -> Option<L>) -> Vec<L> {
        let listed = |entry: &Entry<T>| {
            let read = match entry {
                Entry::Read(object) => listed(object),
                Entry::Odd(_) => None,
            };
            if read.is_none() {
                let object = entry.id();
                tracing::warn!(
                    object,
                    "an entry of a list of Stripe could not be read, and was skipped"
                );
            }
            read
        };
        self.data.iter().filter_map(listed).collect()
    }
}

/// The metadata that `prepare` writes on an intent, and that Stripe copies to the intent's charge.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    order_id: Option<String>,
    tenant_id: Option<String>,
    installation_id: Option<String>,
}

/// The body of an answer with an error status. <https://docs.stripe.com/api/errors>
#[derive(Debug, Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) error: ErrorObject,
}

/// <https://docs.stripe.com/api/errors>. The message is not read, because it may repeat what we sent.
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
    /// The tenant; `None` if the metadata names none of ours.
    pub(super) fn tenant_id(&self) -> Option<TenantId> {
        self.tenant_id.as_deref()?.parse().ok()
    }

    /// The installation; `None` if the metadata names none.
    pub(super) fn installation_id(&self) -> Option<InstallationId> {
        self.installation_id.as_deref()?.parse().ok()
    }

    /// The order; `None` if the metadata names none of ours.
    pub(super) fn order_id(&self) -> Option<OrderId> {
        self.order_id.as_deref()?.parse().ok()
    }
}

impl Intent {
    /// The payment's status; `None` if Stripe does not document it.
    ///
    /// <https://docs.stripe.com/payments/paymentintents/lifecycle>
    pub(super) fn payment_status(&self) -> Option<PaymentStatus> {
        Some(match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => PaymentStatus::Paid {
                amount: from_stripe(self.amount_received, &self.currency)?,
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

    /// The amount that it was created for.
    pub(super) fn money(&self) -> Option<Money> {
        from_stripe(self.amount, &self.currency)
    }
}

impl WaitingIntent {
    /// What the customer must do; `None` if it is not described in a way that a browser could use.
    pub(super) fn customer_action(&self) -> Option<CustomerAction> {
        let next = self.next_action.as_ref()?;
        let redirect = next.redirect_to_url.as_ref();
        let url = redirect.and_then(|redirect| redirect.url.as_deref());
        CustomerAction::new(self.client_secret.as_deref()?, &next.kind, url)
    }
}

impl Refund {
    /// The refund's outcome; `None` if Stripe does not document its status.
    ///
    /// <https://docs.stripe.com/api/refunds/object#refund_object-status>
    pub(super) fn outcome(&self) -> Option<RefundOutcome> {
        let reference = Reference::parse(&self.id).ok()?;
        let amount = from_stripe(self.amount, &self.currency)?;
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

    /// The refund as a list reports it; `None` if Stripe does not document its status. A list can't report
    /// `AlreadyRefunded`.
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

    /// Whether it carries this refund's ID.
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
    /// Why the payment was declined: the issuer's reason if there is one, otherwise Stripe's. A payment method that
    /// does not exist is `invalid_payment_method`, because Stripe's `resource_missing` does not say what is missing.
    pub(super) fn decline(&self) -> DeclineCode {
        let code = self.decline_code.as_deref().or(self.code.as_deref());
        DeclineCode::new(match code {
            Some("resource_missing") => "invalid_payment_method",
            Some(code) => code,
            None => "",
        })
    }
}
