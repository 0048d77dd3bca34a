//! The table of answers, row by row.

mod objects;

use oms_validation::Currency;
use serde_json::{Value, json};

use super::*;
use crate::{DeclineCode, RefundFailure};

const CONFIRM: Operation = Operation::Confirm;
const ALL: [Operation; 10] = [
    Operation::Prepare,
    Operation::Confirm,
    Operation::Lookup,
    Operation::Cancel,
    Operation::Capture,
    Operation::Refund,
    Operation::FindRefund,
    Operation::ListCharges,
    Operation::FindCharge,
    Operation::RefundCharge,
];
/// Operations whose rejection is explained by reading the payment.
const CHANGES: [Operation; 3] = [Operation::Confirm, Operation::Cancel, Operation::Capture];

fn error(value: Value) -> ErrorObject {
    serde_json::from_value(value).unwrap()
}

fn verdict_of(operation: Operation, status: u16, value: Value) -> Verdict {
    verdict(operation, status, Some(&error(value)))
}

fn invalid(code: &str, param: &str) -> Value {
    json!({ "type": "invalid_request_error", "code": code, "param": param, "message": "no" })
}

fn fault(fault: GatewayFault) -> Verdict {
    Verdict::Fault(fault)
}

fn is_rejected(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fault(GatewayFault::Rejected { .. }))
}

#[test]
fn a_server_error_is_a_fault_of_the_gateway_for_every_operation() {
    for operation in ALL {
        for status in [500, 502, 503, 504] {
            let found = verdict_of(operation, status, json!({ "type": "api_error" }));
            assert_eq!(found, fault(GatewayFault::ServerError { status }));
            let found = verdict(operation, status, None);
            assert_eq!(found, fault(GatewayFault::ServerError { status }));
        }
        let found = verdict_of(operation, 400, json!({ "type": "api_error" }));
        assert_eq!(found, fault(GatewayFault::ServerError { status: 400 }));
    }
}

#[test]
fn a_key_without_access_is_rejected_for_every_operation() {
    for operation in ALL {
        for status in [401, 403] {
            for kind in ["invalid_request_error", "a_type_of_tomorrow"] {
                let found = verdict_of(operation, status, json!({ "type": kind }));
                assert!(
                    is_rejected(&found),
                    "{operation} {status} {kind}: {found:?}"
                );
            }
        }
        // Older error types, with any status.
        for kind in ["authentication_error", "permission_error"] {
            for status in [400, 401, 403] {
                let found = verdict_of(operation, status, json!({ "type": kind }));
                assert!(
                    is_rejected(&found),
                    "{operation} {status} {kind}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn a_rate_limited_call_is_known_to_have_had_no_effect() {
    for operation in ALL {
        for code in ["rate_limit", "lock_timeout"] {
            let found = verdict_of(operation, 429, invalid(code, ""));
            assert_eq!(found, fault(GatewayFault::RateLimited));
        }
        assert_eq!(
            verdict(operation, 429, None),
            fault(GatewayFault::RateLimited)
        );
        // The forms from before the status 429 was introduced.
        for (status, before) in [
            (400, invalid("rate_limit", "")),
            (400, json!({ "type": "rate_limit_error" })),
            (429, json!({ "type": "rate_limit_error" })),
        ] {
            let found = verdict_of(operation, status, before);
            assert_eq!(
                found,
                fault(GatewayFault::RateLimited),
                "{operation} {status}"
            );
        }
    }
}

#[test]
fn a_key_in_use_leaves_the_outcome_unknown() {
    for operation in ALL {
        let in_use = json!({ "type": "idempotency_error", "code": "idempotency_key_in_use" });
        assert_eq!(
            verdict_of(operation, 409, in_use),
            fault(GatewayFault::InProgress)
        );
        let conflict = json!({ "type": "invalid_request_error" });
        assert_eq!(
            verdict_of(operation, 409, conflict),
            fault(GatewayFault::InProgress)
        );
    }
}

#[test]
fn a_key_that_was_used_for_another_request_is_resolved_by_reading_the_payment_if_there_is_one() {
    for operation in ALL {
        let found = verdict_of(operation, 400, json!({ "type": "idempotency_error" }));
        let expected = match CHANGES.contains(&operation) {
            true => Verdict::ReadBack,
            false => fault(GatewayFault::KeyReused),
        };
        assert_eq!(found, expected, "{operation}");
    }
}

#[test]
fn a_card_error_is_a_decline_only_for_a_confirmation() {
    for operation in ALL {
        let found = verdict_of(
            operation,
            402,
            json!({ "type": "card_error", "code": "card_declined" }),
        );
        let expected = match operation {
            Operation::Confirm => Verdict::Declined,
            Operation::Cancel | Operation::Capture => Verdict::ReadBack,
            // These operations take no money, so a card error is an ordinary rejection.
            Operation::Prepare | Operation::Refund | Operation::RefundCharge => {
                fault(GatewayFault::Rejected {
                    status: 402,
                    code: Some("card_declined".to_owned()),
                    param: None,
                })
            }
            _ => fault(GatewayFault::Unexplained { status: 402 }),
        };
        assert_eq!(found, expected, "{operation}");
    }
}

#[test]
fn a_card_error_about_a_payment_that_may_still_proceed_is_resolved_by_reading_it() {
    let about = |status: &str| json!({ "type": "card_error", "code": "card_declined", "payment_intent": { "status": status } });
    let declined = verdict_of(CONFIRM, 402, about("requires_payment_method"));
    assert_eq!(declined, Verdict::Declined);
    for status in ["processing", "succeeded", "requires_action", "canceled"] {
        assert_eq!(
            verdict_of(CONFIRM, 402, about(status)),
            Verdict::ReadBack,
            "{status}"
        );
    }
}

#[test]
fn a_rejection_that_depends_on_the_state_is_resolved_by_reading_it() {
    for operation in CHANGES {
        for code in [
            "payment_intent_unexpected_state",
            "payment_intent_authentication_failure",
            "payment_intent_payment_attempt_failed",
            "intent_invalid_state",
            "a_code_of_tomorrow",
        ] {
            let found = verdict_of(operation, 400, invalid(code, ""));
            assert_eq!(found, Verdict::ReadBack, "{operation} {code}");
        }
        let without_code = json!({ "type": "invalid_request_error" });
        assert_eq!(verdict_of(operation, 400, without_code), Verdict::ReadBack);
    }
    // Whatever parameter the error names.
    let found = verdict_of(
        CONFIRM,
        400,
        invalid("payment_intent_unexpected_state", "payment_method"),
    );
    assert_eq!(found, Verdict::ReadBack);
}

#[test]
fn an_unusable_payment_method_is_a_decline() {
    for (code, param) in [
        ("resource_missing", "payment_method"),
        ("payment_method_unactivated", ""),
        ("payment_method_unexpected_state", "payment_method"),
        ("payment_method_not_available", ""),
        ("payment_method_provider_decline", ""),
        ("payment_method_customer_decline", ""),
        ("payment_intent_incompatible_payment_method", ""),
        ("token_already_used", "payment_method_data[card][token]"),
    ] {
        let found = verdict_of(CONFIRM, 400, invalid(code, param));
        assert_eq!(found, Verdict::Declined, "{code}");
    }
    let timeout = invalid("payment_method_provider_timeout", "payment_method");
    assert_eq!(verdict_of(CONFIRM, 400, timeout), Verdict::ReadBack);
}

#[test]
fn a_request_that_never_began_is_rejected() {
    for operation in ALL {
        for code in NOT_EXECUTED {
            let found = verdict_of(
                operation,
                400,
                invalid(code, "payment_method_data[card][cvc]"),
            );
            assert!(is_rejected(&found), "{operation} {code}: {found:?}");
        }
        let found = verdict_of(operation, 404, invalid("resource_missing", "intent"));
        assert!(is_rejected(&found), "{operation}: {found:?}");
    }
    for operation in ALL.into_iter().filter(|it| !CHANGES.contains(it)) {
        let found = verdict_of(operation, 400, invalid("a_code_of_tomorrow", ""));
        assert!(is_rejected(&found), "{operation}: {found:?}");
    }
}

#[test]
fn a_rejected_amount_or_currency_had_no_effect_whatever_the_code() {
    for operation in [Operation::Prepare, CONFIRM] {
        for param in ["amount", "currency"] {
            for code in [
                "amount_too_large",
                "currency_not_supported",
                "a_code_of_tomorrow",
            ] {
                let found = verdict_of(operation, 400, invalid(code, param));
                assert!(is_rejected(&found), "{operation} {code} {param}: {found:?}");
            }
            let without_code = json!({ "type": "invalid_request_error", "param": param });
            let found = verdict_of(operation, 400, without_code);
            assert!(is_rejected(&found), "{operation} {param}: {found:?}");
        }
    }
}

#[test]
fn an_already_refunded_charge_is_not_an_error() {
    for operation in [Operation::Refund, Operation::RefundCharge] {
        let found = verdict_of(operation, 400, invalid("charge_already_refunded", ""));
        assert_eq!(found, Verdict::AlreadyRefunded);
    }
}

#[test]
fn a_rejected_refund_has_a_reason() {
    for code in [
        "balance_insufficient",
        "charge_disputed",
        "charge_not_refundable",
        "refund_disputed_payment",
        "resource_missing",
    ] {
        let found = verdict_of(Operation::Refund, 400, invalid(code, ""));
        let expected = GatewayFault::Rejected {
            status: 400,
            code: Some(code.to_owned()),
            param: Some(String::new()),
        };
        assert_eq!(found, fault(expected));
    }
    let too_much = json!({ "type": "invalid_request_error", "param": "amount" });
    let expected = GatewayFault::Rejected {
        status: 400,
        code: None,
        param: Some("amount".to_owned()),
    };
    let found = verdict_of(Operation::Refund, 400, too_much);
    assert_eq!(found, fault(expected));
}

#[test]
fn other_rejections_leave_the_effect_unknown() {
    for (status, kind) in [
        (402, "invalid_request_error"),
        (402, "a_type_of_tomorrow"),
        (408, "invalid_request_error"),
        (424, "a_type_of_tomorrow"),
    ] {
        for operation in ALL {
            let found = verdict_of(operation, status, json!({ "type": kind }));
            let expected = match CHANGES.contains(&operation) {
                true => Verdict::ReadBack,
                false => fault(GatewayFault::Unexplained { status }),
            };
            assert_eq!(found, expected, "{operation} {status} {kind}");
        }
    }
}

#[test]
fn a_rejection_that_is_not_in_stripes_format_is_not_believed() {
    for operation in ALL {
        for status in [302, 400, 401, 402, 403, 404, 409] {
            let expected = fault(GatewayFault::Unintelligible { status });
            assert_eq!(verdict(operation, status, None), expected);
        }
    }
}

#[test]
fn only_a_rejected_or_rate_limited_call_is_known_to_have_had_no_effect() {
    use crate::Effect;
    for (fault, effect, unavailable) in [
        (GatewayFault::BreakerOpen, Effect::DidNotHappen, true),
        (GatewayFault::NoConnection, Effect::DidNotHappen, true),
        (GatewayFault::RateLimited, Effect::DidNotHappen, false),
        (GatewayFault::TimedOut, Effect::Unknown, true),
        (GatewayFault::Interrupted, Effect::Unknown, true),
        (
            GatewayFault::ServerError { status: 500 },
            Effect::Unknown,
            true,
        ),
        (
            GatewayFault::Unintelligible { status: 200 },
            Effect::Unknown,
            true,
        ),
        (GatewayFault::InProgress, Effect::Unknown, false),
        (GatewayFault::KeyReused, Effect::Unknown, false),
        (
            GatewayFault::Unexplained { status: 424 },
            Effect::Unknown,
            false,
        ),
        (
            GatewayFault::NotReadBack { unavailable: true },
            Effect::Unknown,
            true,
        ),
        (
            GatewayFault::NotReadBack { unavailable: false },
            Effect::Unknown,
            false,
        ),
    ] {
        let error = GatewayError::new(CONFIRM, fault);
        assert_eq!(
            (error.effect(), error.is_unavailable()),
            (effect, unavailable),
            "{error}"
        );
    }
}

#[test]
fn values_that_we_sent_are_not_repeated_as_a_code_or_a_parameter() {
    let echo = json!({
        "type": "invalid_request_error", "code": "sk_test_SECRET", "param": "4242424242424242",
    });
    let Verdict::Fault(fault) = verdict_of(Operation::Prepare, 400, echo) else {
        panic!("expected a rejection of the request");
    };
    assert_eq!(
        fault.to_string(),
        "rejected with status 400, code none, parameter none"
    );
}
