//! Why a payment was declined.

use std::fmt;

use utoipa::ToSchema;

use super::code;

/// The code of a decline without a usable code.
const GENERIC: &str = "generic_decline";

/// Declines of which Stripe says "do not report more detailed information to your customer":
/// <https://docs.stripe.com/declines/codes>.
const CONFIDENTIAL: [&str; 4] = [
    "fraudulent",
    "lost_card",
    "merchant_blacklist",
    "stolen_card",
];

/// What the customer can do about a decline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CustomerStep {
    /// Try the same again.
    TryAgain,
    /// Correct the input: the number, the date, the security code, the address or the PIN.
    CorrectDetails,
    /// Authenticate with the bank.
    Authenticate,
    /// Use another payment method.
    UseAnotherMethod,
    /// Contact the bank, or use another payment method.
    ContactIssuer,
}

/// A code such as `insufficient_funds`, in the words of <https://docs.stripe.com/declines/codes>: 1 to 100 lower-case
/// letters, digits and underscores, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclineCode(String);

impl DeclineCode {
    /// Reads the code that a gateway returned; `generic_decline` if it is malformed.
    pub fn new(text: &str) -> Self {
        Self(code::usable(text).unwrap_or(GENERIC).to_owned())
    }

    /// The code, for operators.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code, for the customer: `generic_decline` for reasons that could help a thief.
    pub fn for_customer(&self) -> &str {
        if CONFIDENTIAL.contains(&self.as_str()) {
            GENERIC
        } else {
            self.as_str()
        }
    }

    /// What the customer can do about it: the column "next steps" of <https://docs.stripe.com/declines/codes>. A code
    /// that is hidden from the customer has the same step as `generic_decline`.
    pub fn customer_step(&self) -> CustomerStep {
        match self.for_customer() {
            "approve_with_id"
            | "issuer_not_available"
            | "processing_error"
            | "reenter_transaction"
            | "try_again_later" => CustomerStep::TryAgain,
            "incorrect_address"
            | "incorrect_cvc"
            | "incorrect_number"
            | "incorrect_pin"
            | "incorrect_zip"
            | "invalid_cvc"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "invalid_number"
            | "invalid_pin" => CustomerStep::CorrectDetails,
            "authentication_not_handled"
            | "authentication_required"
            | "mobile_device_authentication_required"
            | "offline_pin_required"
            | "online_or_offline_pin_required"
            // The Stripe error after a failed challenge.
            | "payment_intent_authentication_failure" => CustomerStep::Authenticate,
            "expired_card"
            | "insufficient_funds"
            | "invalid_payment_method"
            | "pin_try_exceeded"
            | "testmode_decline"
            | "withdrawal_count_limit_exceeded" => CustomerStep::UseAnotherMethod,
            // Stripe's advice for all other codes, and for unlisted ones.
            _ => CustomerStep::ContactIssuer,
        }
    }
}

impl CustomerStep {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TryAgain => "try_again",
            Self::CorrectDetails => "correct_details",
            Self::Authenticate => "authenticate",
            Self::UseAnotherMethod => "use_another_method",
            Self::ContactIssuer => "contact_issuer",
        }
    }
}

impl fmt::Display for DeclineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_code_becomes_the_generic_one() {
        assert_eq!(DeclineCode::new("expired_card").as_str(), "expired_card");
        let card = "4000123412341239";
        for text in ["", "Expired Card", "x\n", &"x".repeat(101), card] {
            assert_eq!(
                DeclineCode::new(text).as_str(),
                "generic_decline",
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_thief_is_not_told_that_the_card_was_reported() {
        for code in [
            "fraudulent",
            "lost_card",
            "merchant_blacklist",
            "stolen_card",
        ] {
            assert_eq!(DeclineCode::new(code).for_customer(), "generic_decline");
        }
        let reported = DeclineCode::new("stolen_card").customer_step();
        let generic = DeclineCode::new("generic_decline").customer_step();
        assert_eq!(reported, generic);
        let poor = DeclineCode::new("insufficient_funds");
        assert_eq!(poor.for_customer(), "insufficient_funds");
    }

    #[test]
    fn every_documented_code_has_the_documented_customer_step() {
        use CustomerStep::{
            Authenticate, ContactIssuer, CorrectDetails, TryAgain, UseAnotherMethod,
        };
        for (code, step) in [
            ("authentication_required", Authenticate),
            ("payment_intent_authentication_failure", Authenticate),
            ("approve_with_id", TryAgain),
            ("call_issuer", ContactIssuer),
            ("card_not_supported", ContactIssuer),
            ("card_velocity_exceeded", ContactIssuer),
            ("currency_not_supported", ContactIssuer),
            ("do_not_honor", ContactIssuer),
            ("do_not_try_again", ContactIssuer),
            ("duplicate_transaction", ContactIssuer),
            ("expired_card", UseAnotherMethod),
            ("fraudulent", ContactIssuer),
            ("generic_decline", ContactIssuer),
            ("incorrect_address", CorrectDetails),
            ("incorrect_cvc", CorrectDetails),
            ("incorrect_number", CorrectDetails),
            ("incorrect_pin", CorrectDetails),
            ("incorrect_zip", CorrectDetails),
            ("insufficient_funds", UseAnotherMethod),
            ("invalid_account", ContactIssuer),
            ("invalid_amount", ContactIssuer),
            ("invalid_cvc", CorrectDetails),
            ("invalid_expiry_month", CorrectDetails),
            ("invalid_expiry_year", CorrectDetails),
            ("invalid_number", CorrectDetails),
            ("invalid_pin", CorrectDetails),
            ("issuer_not_available", TryAgain),
            ("lost_card", ContactIssuer),
            ("merchant_blacklist", ContactIssuer),
            ("mobile_device_authentication_required", Authenticate),
            ("new_account_information_available", ContactIssuer),
            ("no_action_taken", ContactIssuer),
            ("not_permitted", ContactIssuer),
            ("offline_pin_required", Authenticate),
            ("online_or_offline_pin_required", Authenticate),
            ("pickup_card", ContactIssuer),
            ("pin_try_exceeded", UseAnotherMethod),
            ("processing_error", TryAgain),
            ("reenter_transaction", TryAgain),
            ("restricted_card", ContactIssuer),
            ("revocation_of_all_authorizations", ContactIssuer),
            ("revocation_of_authorization", ContactIssuer),
            ("security_violation", ContactIssuer),
            ("service_not_allowed", ContactIssuer),
            ("stolen_card", ContactIssuer),
            ("stop_payment_order", ContactIssuer),
            ("testmode_decline", UseAnotherMethod),
            ("transaction_not_allowed", ContactIssuer),
            ("try_again_later", TryAgain),
            ("withdrawal_count_limit_exceeded", UseAnotherMethod),
            ("a_code_of_tomorrow", ContactIssuer),
        ] {
            assert_eq!(DeclineCode::new(code).customer_step(), step, "{code}");
        }
    }
}
