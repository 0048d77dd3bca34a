//! The codes of a gateway in the words of people, as clauses: `the card has expired`.

use std::borrow::Cow;

use super::{DeclineCode, DisputeState, GatewayCall, Operation, RefundFailure};

/// What the code of a decline means: <https://docs.stripe.com/declines/codes>.
fn decline(code: &str) -> Option<&'static str> {
    Some(match code {
        "authentication_not_handled"
        | "authentication_required"
        | "mobile_device_authentication_required" => {
            "the bank wants the customer to confirm the payment"
        }
        "payment_intent_authentication_failure" => {
            "the customer did not confirm the payment at the bank"
        }
        "call_issuer"
        | "do_not_honor"
        | "do_not_try_again"
        | "generic_decline"
        | "no_action_taken"
        | "payment_intent_payment_attempt_failed"
        | "revocation_of_all_authorizations"
        | "revocation_of_authorization"
        | "security_violation"
        | "service_not_allowed"
        | "stop_payment_order"
        | "transaction_not_allowed" => "the bank gave no reason",
        "approve_with_id" | "reenter_transaction" | "try_again_later" => {
            "the bank could not process the payment now"
        }
        "processing_error" => "the payment could not be processed",
        "issuer_not_available" => "the bank could not be reached",
        "card_not_supported" => "the card does not support this kind of payment",
        "currency_not_supported" => "the card does not support the currency",
        "invalid_amount" => "the bank does not accept the amount",
        "duplicate_transaction" => "the same amount was charged to the card just before",
        "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            "a limit of the card was exceeded"
        }
        "insufficient_funds" => "the account has too little money",
        "expired_card" => "the card has expired",
        "lost_card" => "the card was reported lost",
        "stolen_card" => "the card was reported stolen",
        "pickup_card" | "restricted_card" => "the card must not be used any more",
        "fraudulent" => "the gateway suspects fraud",
        "merchant_blacklist" => "a block list of the merchant at the gateway has the customer",
        "invalid_account" | "new_account_information_available" => {
            "the card, or its account, is not valid"
        }
        "incorrect_number" | "invalid_number" => "the number of the card is wrong",
        "incorrect_cvc" | "invalid_cvc" => "the security code is wrong",
        "incorrect_address" => "the billing address is wrong",
        "incorrect_zip" => "the postal code is wrong",
        "invalid_expiry_month" | "invalid_expiry_year" => "the expiry date is wrong",
        "incorrect_pin" | "invalid_pin" => "the PIN is wrong",
        "offline_pin_required" | "online_or_offline_pin_required" => "the card needs its PIN",
        "pin_try_exceeded" => "the PIN was wrong too often",
        "invalid_payment_method" => "the payment method is not valid",
        "testmode_decline" => "it is a test card",
        _ => return None,
    })
}

/// What the code of a refund that failed means: <https://docs.stripe.com/refunds#failed-refunds>.
fn refund_failure(code: &str) -> Option<&'static str> {
    Some(match code {
        "charge_for_pending_refund_disputed" => "the customer has disputed the payment",
        "declined" => "the bank of the customer declined it",
        "expired_or_canceled_card" => "the card has expired or was cancelled",
        "insufficient_funds" => "the merchant's balance at the gateway is too low",
        "lost_or_stolen_card" => "the card was lost or stolen",
        "merchant_request" | "canceled" => "it was cancelled at the gateway",
        "charge_already_refunded" => "the payment was refunded before",
        "failed" | "unknown" => "the gateway gave no reason",
        _ => return None,
    })
}

/// What the reason of a dispute means: <https://docs.stripe.com/disputes/categories>.
fn dispute(code: &str) -> Option<&'static str> {
    Some(match code {
        "bank_cannot_process" => "the bank can't process the payment",
        "check_returned" => "the bank returned the cheque",
        "credit_not_processed" => {
            "the customer returned the goods or cancelled, and has no refund yet"
        }
        "customer_initiated" | "general" => "the bank gave no reason",
        "debit_not_authorized" => "the customer did not authorise the debit",
        "duplicate" => "the customer was charged more than once",
        "fraudulent" => "the customer says that somebody else made the payment",
        "incorrect_account_details" => "the account of the customer is wrong",
        "insufficient_funds" => "the account has too little money",
        "noncompliant" => "the payment broke a rule of the card network",
        "product_not_received" => "the customer says that the goods did not arrive",
        "product_unacceptable" => {
            "the customer says that the goods are defective or not as described"
        }
        "subscription_canceled" => "the customer was charged after cancelling a subscription",
        "unrecognized" => "the customer does not recognise the payment",
        _ => return None,
    })
}

/// The words of a code. A code without words is quoted.
fn clause(words: Option<&'static str>, code: &str) -> Cow<'static, str> {
    match words {
        Some(words) => Cow::Borrowed(words),
        None => Cow::Owned(format!("the gateway's code is \"{code}\"")),
    }
}

impl DeclineCode {
    /// Why the payment was declined, as a clause for operators. It tells more than a customer may know.
    pub fn in_words(&self) -> Cow<'static, str> {
        clause(decline(self.as_str()), self.as_str())
    }
}

impl RefundFailure {
    /// Why the refund failed, as a clause.
    pub fn in_words(&self) -> Cow<'static, str> {
        clause(refund_failure(self.as_str()), self.as_str())
    }
}

impl DisputeState {
    /// What the state means, as a clause.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "the bank asks for evidence, and has taken no money",
            Self::WarningUnderReview => "the bank reviews the evidence, and has taken no money",
            Self::WarningClosed => "the bank closed its inquiry without taking money",
            Self::NeedsResponse => "the bank waits for evidence",
            Self::UnderReview => "the bank reviews the evidence",
            Self::Won => "the merchant keeps the money",
            Self::Lost => "the customer keeps the money",
            Self::Prevented => "it was settled before it took any money",
            Self::Other(word) => word,
        }
    }
}

impl GatewayCall {
    /// What the gateway was asked for, to follow "was asked": `to collect the payment`.
    pub fn request_in_words(&self) -> Cow<'static, str> {
        match Operation::parse(&self.operation) {
            Some(operation) => Cow::Borrowed(operation.purpose()),
            None => Cow::Owned(format!("for \"{}\"", self.operation)),
        }
    }

    /// What the gateway answered, or why it gave no answer: `no answer in time`.
    pub fn answer_in_words(&self) -> Cow<'static, str> {
        answer(&self.outcome)
    }
}

fn answer(label: &str) -> Cow<'static, str> {
    let (word, rest) = label.split_once(':').unwrap_or((label, ""));
    let known = match word {
        "declined" => return format!("declined: {}", DeclineCode::new(rest).in_words()).into(),
        "failed" => return format!("failed: {}", RefundFailure::new(rest).in_words()).into(),
        "rejected" => {
            return match rest.split_once(':') {
                Some((status, code)) if code != "none" => {
                    format!("rejected with status {status}, code \"{code}\"").into()
                }
                Some((status, _)) => format!("rejected with status {status}").into(),
                None => "rejected".into(),
            };
        }
        "server_error" => return format!("it failed with status {rest}").into(),
        "unintelligible" => return format!("an unintelligible answer, status {rest}").into(),
        "unexplained" => return format!("rejected without a reason, status {rest}").into(),
        "prepared" => "registered",
        "not_confirmed" => "not confirmed yet",
        "needs_action" => "the customer must confirm it",
        "processing" => "the bank has not decided",
        "pending" => "in progress",
        "already_refunded" => "refunded before",
        "not_found" => "not found",
        "no_connection" => "no connection",
        "rate_limited" => "too many requests",
        "inexpressible_amount" => "it can't express the amount",
        "timed_out" => "no answer in time",
        "interrupted" => "the connection broke",
        "in_progress" => "the same request was in progress",
        "key_reused" => "the key was used for another request",
        "not_read_back" => "the payment could not be read back",
        // Such as `paid` and `cancelled`, and what a newer version of the program stored.
        _ => return label.replace(['_', ':'], " ").into(),
    };
    known.into()
}

/// Why a payment is disputed, from the gateway's code, as a clause.
pub fn dispute_in_words(reason: &str) -> Cow<'static, str> {
    clause(dispute(reason), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_known_is_told_in_words() {
        for (said, words) in [
            (
                DeclineCode::new("insufficient_funds").in_words(),
                "the account has too little money",
            ),
            (
                DeclineCode::new("no such code").in_words(),
                "the bank gave no reason",
            ),
            (
                RefundFailure::new("insufficient_funds").in_words(),
                "the merchant's balance at the gateway is too low",
            ),
            (
                RefundFailure::new("").in_words(),
                "the gateway gave no reason",
            ),
            (
                dispute_in_words("fraudulent"),
                "the customer says that somebody else made the payment",
            ),
        ] {
            assert_eq!(said, words);
        }
    }

    #[test]
    fn a_code_without_words_is_quoted() {
        let quoted = "the gateway's code is \"brand_new\"";
        assert_eq!(DeclineCode::new("brand_new").in_words(), quoted);
        assert_eq!(RefundFailure::new("brand_new").in_words(), quoted);
        assert_eq!(dispute_in_words("brand_new"), quoted);
    }

    #[test]
    fn an_answer_of_the_gateway_is_told_in_words() {
        for (label, words) in [
            ("paid", "paid"),
            ("timed_out", "no answer in time"),
            ("server_error:502", "it failed with status 502"),
            ("declined:lost_card", "declined: the card was reported lost"),
            (
                "failed:expired_or_canceled_card",
                "failed: the card has expired or was cancelled",
            ),
            ("rejected:400:none", "rejected with status 400"),
            (
                "rejected:402:no_account",
                "rejected with status 402, code \"no_account\"",
            ),
            ("brand_new:7", "brand new 7"),
        ] {
            assert_eq!(answer(label), words, "{label}");
        }
    }

    #[test]
    fn words_are_clauses() {
        let states = DisputeState::ALL.map(DisputeState::in_words);
        let codes = ["fraudulent", "lost_card", "expired_card", "duplicate"];
        let codes = codes
            .iter()
            .filter_map(|code| decline(code).or(dispute(code)));
        for words in states.into_iter().chain(codes) {
            assert!(words.starts_with(char::is_lowercase), "{words}");
            assert!(!words.contains('_') && !words.ends_with('.'), "{words}");
        }
    }
}
