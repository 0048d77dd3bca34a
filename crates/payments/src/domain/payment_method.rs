//! What the customer pays with. It is sent to the gateway and nowhere else: it can't be serialised, and `Debug` shows
//! at most the last four digits.

use std::fmt;

use oms_validation::openapi::text;
use secrecy::{ExposeSecret, SecretString};
use utoipa::openapi::Object;

use super::return_url::ReturnUrl;

/// Longest token, in characters.
const MAX_TOKEN_LENGTH: usize = 255;

/// Length of a card number, in digits.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// What the customer pays with.
#[derive(Clone)]
pub enum PaymentMethod {
    /// A gateway's token for a payment method, such as `pm_card_visa`.
    Token(String),
    /// A card number. For the sandbox only: callers ensure that no real number gets here.
    Card(CardNumber),
}

/// 12 to 19 digits.
#[derive(Clone)]
pub struct CardNumber(SecretString);

/// How to collect a payment.
#[derive(Clone, Debug)]
pub struct PaymentInstruction {
    /// What the customer pays with.
    pub method: PaymentMethod,
    /// Where the customer returns after an action on the bank's site. Without it the gateway's browser library handles
    /// the action.
    pub return_url: Option<ReturnUrl>,
}

impl From<PaymentMethod> for PaymentInstruction {
    fn from(method: PaymentMethod) -> Self {
        Self {
            method,
            return_url: None,
        }
    }
}

/// The text is not a payment method. The error never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPaymentMethod {
    /// Not a token.
    #[error("must be 1 to 255 letters, digits and underscores")]
    Token,
    /// Not a card number.
    #[error("must be 12 to 19 digits")]
    CardNumber,
}

impl PaymentMethod {
    /// Reads a gateway's token.
    ///
    /// # Errors
    /// When it is empty, longer than 255 characters, or has a character other than a letter, a digit or an underscore.
    pub fn parse_token(text: &str) -> Result<Self, InvalidPaymentMethod> {
        let of_a_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if text.is_empty() || text.len() > MAX_TOKEN_LENGTH || !text.bytes().all(of_a_token) {
            return Err(InvalidPaymentMethod::Token);
        }
        // A card number in the wrong field. Tokens are not secret, so it would be logged.
        if has_card_number(text) {
            return Err(InvalidPaymentMethod::Token);
        }
        Ok(Self::Token(text.to_owned()))
    }

    /// Reads a card number.
    ///
    /// # Errors
    /// As [`CardNumber::parse`].
    pub fn parse_card(text: &str) -> Result<Self, InvalidPaymentMethod> {
        CardNumber::parse(text).map(Self::Card)
    }

    /// The schema of what [`parse_token`](Self::parse_token) accepts.
    pub fn token_schema() -> Object {
        let (least, most) = CARD_DIGITS.into_inner();
        let no_card_number = format!("^(?!_*(\\d_*){{{least},{most}}}$)[A-Za-z0-9_]+$");
        text(1..=MAX_TOKEN_LENGTH, &no_card_number)
            .description(Some("The payment gateway's token for a payment method."))
            .examples(["pm_card_visa"])
            .build()
    }
}

/// Whether a token is or contains a card number, however its digits are grouped. Within other text, only digits with a
/// valid check digit count: tokens are random, so such a run of digits is rare.
fn has_card_number(token: &str) -> bool {
    let mut runs = token.split(|c: char| !c.is_ascii_digit() && c != '_');
    runs.any(|run| {
        let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(10)).collect();
        let is_all = run.len() == token.len();
        CARD_DIGITS.contains(&digits.len()) && (is_all || has_check_digit(&digits))
    })
}

/// Checks Luhn's formula.
fn has_check_digit(digits: &[u32]) -> bool {
    let doubled = |(index, digit): (usize, &u32)| match (index % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) => twice / 10 + twice % 10,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).sum();
    sum.is_multiple_of(10)
}

impl CardNumber {
    /// Reads a card number: digits only, without spaces or dashes.
    ///
    /// # Errors
    /// When it is not 12 to 19 digits.
    pub fn parse(text: &str) -> Result<Self, InvalidPaymentMethod> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !CARD_DIGITS.contains(&text.len()) {
            return Err(InvalidPaymentMethod::CardNumber);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The last four digits, which are all that may be shown or stored.
    pub fn last4(&self) -> &str {
        let digits = self.0.expose_secret();
        &digits[digits.len() - 4..]
    }

    pub(crate) fn expose_digits(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => f.debug_tuple("Token").field(token).finish(),
            Self::Card(_) => f.write_str("Card(redacted)"),
        }
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_letters_digits_and_underscores_are_accepted() {
        for text in ["pm_card_visa", "p", &"x".repeat(255)] {
            assert!(PaymentMethod::parse_token(text).is_ok(), "{text:?}");
        }
        for text in ["", "pm card", "pm-1", "pm_é", "../x", &"x".repeat(256)] {
            let refused = PaymentMethod::parse_token(text).unwrap_err();
            assert_eq!(refused, InvalidPaymentMethod::Token, "{text:?}");
        }
    }

    #[test]
    fn a_card_number_is_not_accepted_as_a_token() {
        for card in [
            "4242424242424242",
            "4242_4242_4242_4242",
            "_4242424242424242_",
            "4_2_4_2_4_2_4_2_4_2_4_2_4_2_4_2",
            "pm_4242424242424242",
            "card_3782_822463_10005",
            "tok5555555555554444x",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242.4242.4242.4242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
            "４２４２４２４２４２４２４２４２",
            "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        ] {
            assert!(PaymentMethod::parse_token(card).is_err(), "{card}");
        }
        for token in [
            "pm_1MqLiJLkdIwHu7ixUEgbFdYF",
            "pm_4242424242424241",
            "tok_12345678901",
            "pm_card_visa",
        ] {
            assert!(PaymentMethod::parse_token(token).is_ok(), "{token}");
        }
    }

    #[test]
    fn a_card_number_has_12_to_19_digits_and_nothing_else() {
        for text in ["4242424242424242", &"1".repeat(12), &"1".repeat(19)] {
            assert!(CardNumber::parse(text).is_ok(), "{text:?}");
        }
        let spaced = "4242 4242 4242 4242";
        for text in [
            "",
            spaced,
            "4242-4242-4242-4242",
            &"1".repeat(11),
            &"1".repeat(20),
        ] {
            let refused = CardNumber::parse(text).unwrap_err();
            assert_eq!(refused, InvalidPaymentMethod::CardNumber, "{text:?}");
        }
    }

    #[test]
    fn debug_output_of_a_card_hides_its_number() {
        let card = CardNumber::parse("4000123412341239").unwrap();
        assert_eq!(card.last4(), "1239");
        let method = PaymentMethod::Card(card.clone());
        let printed = format!("{card:?} {card:#?} {method:?} {method:#?}");
        assert!(!printed.contains(|c: char| c.is_ascii_digit()), "{printed}");
    }
}
