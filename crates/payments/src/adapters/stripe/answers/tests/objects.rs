//! What Stripe's objects mean, row by row.

use super::*;

fn intent(status: &str, last_payment_error: &Value) -> Option<PaymentStatus> {
    let intent: Intent = serde_json::from_value(json!({
        "id": "pi_1", "status": status, "amount": 2000, "amount_received": 1900, "currency": "usd",
        "last_payment_error": last_payment_error,
    }))
    .unwrap();
    intent.payment_status()
}

#[test]
fn every_documented_status_of_an_intent_is_recognised_and_no_other() {
    let none = Value::Null;
    let received = Money {
        amount_minor: 1900,
        currency: Currency::parse("USD").unwrap(),
    };
    for (status, expected) in [
        ("requires_payment_method", PaymentStatus::NotConfirmed),
        ("requires_confirmation", PaymentStatus::NotConfirmed),
        ("requires_action", PaymentStatus::NeedsAction),
        ("processing", PaymentStatus::Processing),
        ("requires_capture", PaymentStatus::Authorised),
        ("canceled", PaymentStatus::Cancelled),
        ("succeeded", PaymentStatus::Paid { amount: received }),
    ] {
        assert_eq!(intent(status, &none), Some(expected), "{status}");
    }
    assert_eq!(intent("a_status_of_tomorrow", &none), None);
}

#[test]
fn the_issuers_reason_takes_precedence_over_stripes() {
    for (code, decline_code, expected) in [
        (
            "card_declined",
            Some("insufficient_funds"),
            "insufficient_funds",
        ),
        ("card_declined", Some("generic_decline"), "generic_decline"),
        ("card_declined", Some("lost_card"), "lost_card"),
        ("card_declined", Some("stolen_card"), "stolen_card"),
        ("card_declined", Some("fraudulent"), "fraudulent"),
        ("card_declined", Some("do_not_honor"), "do_not_honor"),
        (
            "card_declined",
            Some("card_velocity_exceeded"),
            "card_velocity_exceeded",
        ),
        ("card_declined", None, "card_declined"),
        ("expired_card", None, "expired_card"),
        ("incorrect_cvc", None, "incorrect_cvc"),
        ("incorrect_number", None, "incorrect_number"),
        ("processing_error", None, "processing_error"),
        ("authentication_required", None, "authentication_required"),
        ("resource_missing", None, "invalid_payment_method"),
        ("Not a code", None, "generic_decline"),
    ] {
        let last = json!({ "type": "card_error", "code": code, "decline_code": decline_code });
        let expected = DeclineCode::new(expected);
        assert_eq!(error(last.clone()).decline(), expected, "{code}");
        let declined = PaymentStatus::Declined { code: expected };
        assert_eq!(
            intent("requires_payment_method", &last),
            Some(declined),
            "{code}"
        );
    }
    assert_eq!(
        error(json!({ "type": "card_error" })).decline().as_str(),
        "generic_decline"
    );
}

#[test]
fn every_documented_status_of_a_refund_is_recognised_and_no_other() {
    let reference = Reference::parse("re_1").unwrap();
    let amount = Money {
        amount_minor: 500,
        currency: Currency::parse("USD").unwrap(),
    };
    let refunded = RefundOutcome::Refunded {
        reference: reference.clone(),
        amount,
    };
    let pending = RefundOutcome::Pending {
        reference: reference.clone(),
        amount,
    };
    let failed = |code: &str| RefundOutcome::Failed {
        reference: reference.clone(),
        amount,
        code: RefundFailure::new(code),
    };
    for (status, expected) in [
        (json!("succeeded"), Some(refunded)),
        (json!("pending"), Some(pending.clone())),
        (json!("requires_action"), Some(pending)),
        (json!("failed"), Some(failed("failed"))),
        (json!("canceled"), Some(failed("canceled"))),
        (json!("a_status_of_tomorrow"), None),
        (Value::Null, None),
    ] {
        let refund: Refund = serde_json::from_value(json!({
            "id": "re_1", "payment_intent": "pi_1", "status": status, "amount": 500, "currency": "usd",
        }))
        .unwrap();
        assert_eq!(refund.outcome(), expected, "{status}");
    }
}

#[test]
fn a_failed_refund_has_its_reason() {
    // <https://docs.stripe.com/api/refunds/object#refund_object-failure_reason>
    for (reason, expected) in [
        (
            Some("charge_for_pending_refund_disputed"),
            "charge_for_pending_refund_disputed",
        ),
        (Some("declined"), "declined"),
        (Some("expired_or_canceled_card"), "expired_or_canceled_card"),
        (Some("insufficient_funds"), "insufficient_funds"),
        (Some("lost_or_stolen_card"), "lost_or_stolen_card"),
        (Some("merchant_request"), "merchant_request"),
        (Some("unknown"), "unknown"),
        (Some("4242424242424242"), "unknown"),
        (None, "failed"),
    ] {
        let refund: Refund = serde_json::from_value(json!({
            "id": "re_1", "payment_intent": "pi_1", "status": "failed", "amount": 500, "currency": "usd",
            "failure_reason": reason,
        }))
        .unwrap();
        let code = match refund.outcome() {
            Some(RefundOutcome::Failed { code, .. }) => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code.as_str(), expected);
    }
}
