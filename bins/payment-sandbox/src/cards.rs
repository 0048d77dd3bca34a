//! Payment methods and the outcome of a payment with each: Stripe's documented test cards and tokens. A card number is
//! read here and dropped; only brand and last four digits are kept.
//!
//! Sources: <https://docs.stripe.com/testing> (cards, declines, 3D Secure) and
//! <https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers>
//! (`pm_usBankAccount_processing` "stays in processing indefinitely").

use serde::{Deserialize, Serialize};

/// A payment method as an intent stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) kind: MethodKind,
    pub(crate) brand: String,
    pub(crate) last4: String,
    pub(crate) behaviour: Behaviour,
}

/// The types of Stripe's payment methods that the sandbox supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MethodKind {
    /// A card: answers immediately, or requires 3-D Secure.
    Card,
    /// ACH direct debit: answers days later.
    UsBankAccount,
}

/// What happens when a payment with the method is attempted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    /// The money is authorised.
    Approve,
    /// The issuer declines.
    Decline(Decline),
    /// The customer must authenticate first.
    RequireAction,
    /// The customer must authenticate first, and then the issuer declines.
    RequireActionThenDecline(Decline),
    /// The outcome is known later.
    Process,
}

/// Why a payment was declined: <https://docs.stripe.com/declines/codes>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decline {
    pub(crate) code: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) message: String,
}

impl Decline {
    /// A decline with Stripe's text for the code.
    pub(crate) fn new(code: &str, decline_code: Option<&str>) -> Self {
        let message = match (code, decline_code) {
            (_, Some("insufficient_funds")) => "Your card has insufficient funds.",
            (_, Some("card_velocity_exceeded")) => {
                "Your card was declined for making repeated attempts too frequently or exceeding \
                 its amount limit."
            }
            ("expired_card", _) => "Your card has expired.",
            ("incorrect_cvc", _) => "Your card's security code is incorrect.",
            ("invalid_cvc", _) => "Your card's security code is invalid.",
            ("incorrect_number", _) => "Your card number is incorrect.",
            ("invalid_number", _) => "The card number is not a valid credit card number.",
            ("invalid_expiry_month", _) => "Your card's expiration month is invalid.",
            ("invalid_expiry_year", _) => "Your card's expiration year is invalid.",
            ("processing_error", _) => {
                "An error occurred while processing your card. Try again in a little bit."
            }
            ("authentication_required", _) => {
                "Your card was declined. This transaction requires authentication."
            }
            ("payment_intent_authentication_failure", _) => {
                "The provided PaymentMethod has failed authentication. You can provide \
                 payment_method_data or a new PaymentMethod to attempt to fulfill this \
                 PaymentIntent again."
            }
            ("payment_intent_payment_attempt_failed", _) => "The payment failed.",
            _ => "Your card was declined.",
        };
        Self {
            code: code.to_owned(),
            decline_code: decline_code.map(str::to_owned),
            message: message.to_owned(),
        }
    }

    /// The parameter that Stripe names for errors in the card's data.
    pub(crate) fn param(&self) -> Option<String> {
        let param = match self.code.as_str() {
            "incorrect_number" | "invalid_number" => "number",
            "incorrect_cvc" | "invalid_cvc" => "cvc",
            "expired_card" | "invalid_expiry_month" => "exp_month",
            "invalid_expiry_year" => "exp_year",
            _ => return None,
        };
        Some(param.to_owned())
    }
}

/// Card data as sent. Not `Debug`, so that it is never printed.
pub(crate) struct CardData {
    pub(crate) number: String,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    pub(crate) cvc: Option<String>,
}

/// Tokens and their cards. Some names have an older spelling that Stripe still accepts.
const CARD_TOKENS: &[(&str, &str)] = &[
    ("pm_card_visa", "4242424242424242"),
    ("pm_card_us", "4242424242424242"),
    ("pm_card_visa_debit", "4000056655665556"),
    ("pm_card_mastercard", "5555555555554444"),
    ("pm_card_mastercard_debit", "5200828282828210"),
    ("pm_card_mastercard_prepaid", "5105105105105100"),
    ("pm_card_amex", "378282246310005"),
    ("pm_card_discover", "6011111111111117"),
    ("pm_card_diners", "3056930009020004"),
    ("pm_card_jcb", "3566002020360505"),
    ("pm_card_unionpay", "6200000000000005"),
    ("pm_card_visa_chargeDeclined", "4000000000000002"),
    ("pm_card_chargeDeclined", "4000000000000002"),
    (
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
    ),
    (
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
    ),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987"),
    ("pm_card_chargeDeclinedLostCard", "4000000000009987"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979"),
    ("pm_card_chargeDeclinedStolenCard", "4000000000009979"),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069"),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127"),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119"),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
    ),
    ("pm_card_chargeCustomerFail", "4000000000000341"),
    ("pm_card_authenticationRequired", "4000002760003184"),
    ("pm_card_authenticationRequiredOnSetup", "4000002500003155"),
    ("pm_card_threeDSecure2Required", "4000000000003220"),
    ("pm_card_threeDSecureOptional", "4000000000003055"),
    (
        "pm_card_threeDSecureRequiredChargeDeclined",
        "4000008400001629",
    ),
];

/// Returns the payment method of a documented token.
pub(crate) fn from_token(token: &str) -> Option<PaymentMethod> {
    if token == "pm_usBankAccount_processing" {
        return Some(PaymentMethod {
            id: token.to_owned(),
            kind: MethodKind::UsBankAccount,
            brand: "STRIPE TEST BANK".to_owned(),
            last4: "0009".to_owned(),
            behaviour: Behaviour::Process,
        });
    }
    let (_, number) = CARD_TOKENS.iter().find(|(name, _)| *name == token)?;
    Some(card(token, number, behaviour_of(number, Cvc::Given)))
}

/// Returns the payment method for card data; `year_month` is today's, as (year, month).
///
/// # Errors
/// When the data is not valid for a card today.
pub(crate) fn from_card_data(
    id: &str,
    data: &CardData,
    year_month: (i64, i64),
) -> Result<PaymentMethod, Decline> {
    let number: String = data
        .number
        .chars()
        .filter(|c| !matches!(c, ' ' | '-'))
        .collect();
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !(12..=19).contains(&number.len()) {
        return Err(Decline::new("invalid_number", None));
    }
    if !passes_luhn(&number) {
        return Err(Decline::new("incorrect_number", None));
    }
    if !(1..=12).contains(&data.exp_month) {
        return Err(Decline::new("invalid_expiry_month", None));
    }
    let year = if data.exp_year < 100 {
        2000 + data.exp_year
    } else {
        data.exp_year
    };
    if (year, data.exp_month) < year_month || year > year_month.0 + 50 {
        return Err(Decline::new("invalid_expiry_year", None));
    }
    let cvc = match data.cvc.as_deref() {
        None | Some("") => Cvc::Absent,
        Some(cvc) if is_cvc(cvc) => Cvc::Given,
        Some(_) => return Err(Decline::new("invalid_cvc", None)),
    };
    Ok(card(id, &number, behaviour_of(&number, cvc)))
}

/// Whether there is a security code to check: "If you don't provide a CVC, Stripe doesn't perform
/// the CVC check, so the check can't fail."
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cvc {
    Given,
    Absent,
}

fn is_cvc(cvc: &str) -> bool {
    (3..=4).contains(&cvc.len()) && cvc.bytes().all(|byte| byte.is_ascii_digit())
}

fn card(id: &str, number: &str, behaviour: Behaviour) -> PaymentMethod {
    PaymentMethod {
        id: id.to_owned(),
        kind: MethodKind::Card,
        brand: brand(number).to_owned(),
        last4: number[number.len() - 4..].to_owned(),
        behaviour,
    }
}

fn behaviour_of(number: &str, cvc: Cvc) -> Behaviour {
    let (code, decline_code) = match number {
        "4000000000000002" | "4000000000000341" => ("card_declined", Some("generic_decline")),
        "4000000000009995" => ("card_declined", Some("insufficient_funds")),
        "4000000000009987" => ("card_declined", Some("lost_card")),
        "4000000000009979" => ("card_declined", Some("stolen_card")),
        "4000000000006975" => ("card_declined", Some("card_velocity_exceeded")),
        "4000000000000069" => ("expired_card", None),
        "4000000000000119" => ("processing_error", None),
        "4000000000000127" if cvc == Cvc::Given => ("incorrect_cvc", None),
        "4000002760003184" | "4000002500003155" | "4000000000003220" => {
            return Behaviour::RequireAction;
        }
        "4000008400001629" => {
            let decline = Decline::new("card_declined", Some("generic_decline"));
            return Behaviour::RequireActionThenDecline(decline);
        }
        _ => return Behaviour::Approve,
    };
    Behaviour::Decline(Decline::new(code, decline_code))
}

fn brand(number: &str) -> &'static str {
    match number.as_bytes() {
        [b'4', ..] => "visa",
        [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        [b'3', b'0' | b'6' | b'8' | b'9', ..] => "diners",
        [b'3', b'5', ..] => "jcb",
        [b'6', b'2', ..] => "unionpay",
        [b'6', ..] => "discover",
        _ => "unknown",
    }
}

/// The check digit of card numbers, ISO/IEC 7812-1 annex B.
fn passes_luhn(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| match (place % 2, u32::from(byte - b'0')) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: (i64, i64) = (2026, 11);

    fn data(number: &str) -> CardData {
        CardData {
            number: number.to_owned(),
            exp_month: 12,
            exp_year: 34,
            cvc: Some("123".to_owned()),
        }
    }

    fn codes(method: Result<PaymentMethod, Decline>) -> (String, Option<String>) {
        let decline = match method {
            Err(decline) => decline,
            Ok(PaymentMethod {
                behaviour: Behaviour::Decline(decline),
                ..
            }) => decline,
            Ok(other) => panic!("not declined: {other:?}"),
        };
        (decline.code, decline.decline_code)
    }

    #[test]
    fn every_token_stands_for_a_number_with_a_valid_check_digit() {
        for (token, number) in CARD_TOKENS {
            assert!(passes_luhn(number), "{token}");
            assert!(from_token(token).is_some(), "{token}");
        }
    }

    #[test]
    fn documented_numbers_behave_as_documented() {
        for number in [
            "4242424242424242",
            "4111111111111111",
            "378282246310005",
            "4000 0566 5566 5556",
        ] {
            let method = from_card_data("pm_1", &data(number), TODAY).unwrap();
            assert_eq!(method.behaviour, Behaviour::Approve, "{number}");
        }
        let declined = [
            ("4000000000000002", "card_declined", Some("generic_decline")),
            (
                "4000000000009995",
                "card_declined",
                Some("insufficient_funds"),
            ),
            ("4000000000009987", "card_declined", Some("lost_card")),
            ("4000000000009979", "card_declined", Some("stolen_card")),
            ("4000000000000069", "expired_card", None),
            ("4000000000000127", "incorrect_cvc", None),
            ("4000000000000119", "processing_error", None),
            ("4242424242424241", "incorrect_number", None),
            (
                "4000000000006975",
                "card_declined",
                Some("card_velocity_exceeded"),
            ),
            ("12345", "invalid_number", None),
        ];
        for (number, code, decline_code) in declined {
            let got = codes(from_card_data("pm_1", &data(number), TODAY));
            assert_eq!(
                got,
                (code.to_owned(), decline_code.map(str::to_owned)),
                "{number}"
            );
        }
    }

    #[test]
    fn a_security_code_is_checked_only_if_it_is_sent() {
        let without = CardData {
            cvc: None,
            ..data("4000000000000127")
        };
        let method = from_card_data("pm_1", &without, TODAY).unwrap();
        assert_eq!(method.behaviour, Behaviour::Approve);
    }

    #[test]
    fn a_card_is_valid_to_the_end_of_its_last_month() {
        let until = |exp_month, exp_year| {
            from_card_data(
                "pm_1",
                &CardData {
                    exp_month,
                    exp_year,
                    ..data("4242424242424242")
                },
                TODAY,
            )
        };
        assert!(until(11, 2026).is_ok());
        assert_eq!(codes(until(10, 26)).0, "invalid_expiry_year");
        assert_eq!(codes(until(13, 2030)).0, "invalid_expiry_month");
    }

    #[test]
    fn only_brand_and_last_four_digits_are_kept() {
        let method = from_card_data("pm_1", &data("4242424242424242"), TODAY).unwrap();
        let kept = serde_json::to_string(&method).unwrap();
        assert!(kept.contains("visa") && kept.contains("\"4242\""));
        assert!(!kept.contains("42424242"));
    }
}
