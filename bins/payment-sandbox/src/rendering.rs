//! The JSON that Stripe's clients expect: objects and lists. Makes no decisions.
//!
//! Formats: <https://docs.stripe.com/api/payment_intents/object>, <https://docs.stripe.com/api/charges/object>,
//! <https://docs.stripe.com/api/refunds/object>.

use serde_json::{Value, json};

use crate::{
    cards::{Decline, MethodKind, PaymentMethod},
    charges::Charge,
    customer_page,
    disputes::Dispute,
    events::{DeliveryState, Event},
    intents::{Intent, LastError, Status},
    refunds::Refund,
};

/// The version of Stripe's API that these formats are from.
const API_VERSION: &str = "2025-03-31.basil";

/// A payment intent.
pub(crate) fn intent(intent: &Intent) -> Value {
    let draft = &intent.draft;
    let method_types = if draft.method_types.is_empty() {
        json!(["card"])
    } else {
        json!(draft.method_types)
    };
    let automatic = draft.automatic_methods.then(|| json!({ "enabled": true }));
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable(),
        "amount_received": intent.amount_received,
        "automatic_payment_methods": automatic,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": draft.capture,
        "client_secret": intent.client_secret(),
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": null,
        "description": draft.description,
        "last_payment_error": intent.last_error.as_ref().map(last_payment_error),
        "latest_charge": intent.latest_charge,
        "livemode": false,
        "metadata": draft.metadata,
        "next_action": next_action(intent),
        "payment_method": intent.method.as_ref().map(|method| &method.id),
        "payment_method_types": method_types,
        "status": intent.status,
    })
}

/// A charge.
pub(crate) fn charge(charge: &Charge) -> Value {
    let failure = charge.failure.as_ref();
    let details = method_details(&charge.method);
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "captured": charge.is_captured(),
        "created": charge.created,
        "currency": charge.currency,
        "disputed": charge.disputed,
        "failure_code": failure.map(|failure| &failure.code),
        "failure_message": failure.map(|failure| &failure.message),
        "livemode": false,
        "metadata": charge.metadata,
        "paid": charge.status == crate::charges::ChargeStatus::Succeeded,
        "payment_intent": charge.intent_id,
        "payment_method": charge.method.id,
        "payment_method_details": details,
        "refunded": charge.is_captured() && charge.unrefunded() == 0,
        "status": charge.status,
    })
}

/// A refund.
pub(crate) fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge_id,
        "created": refund.created,
        "currency": refund.currency,
        "failure_reason": refund.failure_reason,
        "metadata": refund.metadata,
        "payment_intent": refund.intent_id,
        "reason": refund.reason,
        "status": refund.status,
    })
}

/// A dispute.
pub(crate) fn dispute(dispute: &Dispute) -> Value {
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "charge": dispute.charge_id,
        "created": dispute.created,
        "currency": dispute.currency,
        "evidence_details": {
            "due_by": dispute.due_by,
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": !dispute.status.withholds(),
        "livemode": false,
        "metadata": {},
        "payment_intent": dispute.intent_id,
        "reason": dispute.reason,
        "status": dispute.status,
    })
}

/// An event: <https://docs.stripe.com/api/events/object>.
pub(crate) fn event(event: &Event) -> Value {
    // This process wrote the text, from a value of the same kind.
    let snapshot: Value = serde_json::from_str(&event.snapshot).unwrap_or_default();
    let pending = u32::from(event.delivery.state == DeliveryState::Pending);
    let origin = &event.origin;
    json!({
        "id": event.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": event.created,
        "data": { "object": snapshot },
        "livemode": false,
        "pending_webhooks": pending,
        "request": { "id": origin.request_id, "idempotency_key": origin.idempotency_key },
        "type": event.kind,
    })
}

/// A page of a list: <https://docs.stripe.com/api/pagination>.
pub(crate) fn list(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "data": data, "has_more": has_more, "url": url })
}

fn last_payment_error(error: &LastError) -> Value {
    let Decline {
        code,
        decline_code,
        message,
    } = &error.decline;
    let method = error.method.as_ref().map(|method| {
        let mut object = method_details(method);
        object["id"] = json!(method.id);
        object["object"] = json!("payment_method");
        object
    });
    let kind = match code.as_str() {
        "payment_intent_authentication_failure" => "invalid_request_error",
        _ => "card_error",
    };
    json!({
        "type": kind,
        "code": code,
        "decline_code": decline_code,
        "message": message,
        "param": error.decline.param(),
        "charge": error.charge,
        "payment_method": method,
    })
}

fn method_details(method: &PaymentMethod) -> Value {
    let PaymentMethod { brand, last4, .. } = method;
    match method.kind {
        MethodKind::Card => json!({ "type": "card", "card": { "brand": brand, "last4": last4 } }),
        MethodKind::UsBankAccount => json!({
            "type": "us_bank_account",
            "us_bank_account": { "bank_name": brand, "last4": last4 },
        }),
    }
}

fn next_action(intent: &Intent) -> Option<Value> {
    let origin = intent.origin.as_deref().unwrap_or_default();
    let page = customer_page::address(origin, intent);
    let action = match &intent.return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": { "return_url": return_url, "url": page },
        }),
        None => json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
        }),
    };
    (intent.status == Status::RequiresAction).then_some(action)
}
