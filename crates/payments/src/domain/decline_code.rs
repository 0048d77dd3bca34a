//! Why a payment was declined.

use std::fmt;

/// What stands for a decline without a usable code.
const GENERIC: &str = "generic_decline";

/// Declines of which Stripe says "do not report more detailed information to your customer":
/// <https://docs.stripe.com/declines/codes>.
const CONFIDENTIAL: [&str; 4] = [
    "fraudulent",
    "lost_card",
    "merchant_blacklist",
    "stolen_card",
];

/// Longest code, in characters; the column has the same limit.
const MAX_LENGTH: usize = 100;

/// A code such as `insufficient_funds`, in the words of <https://docs.stripe.com/declines/codes>: 1 to 100 lower-case
/// letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclineCode(String);

impl DeclineCode {
    /// The code that a gateway gave; `generic_decline` when it is not one.
    pub fn new(text: &str) -> Self {
        let of_a_code =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let usable = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(of_a_code);
        Self(if usable { text } else { GENERIC }.to_owned())
    }

    /// The code, for operators.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code, for the customer: reasons that would tell a thief too much are `generic_decline`.
    pub fn for_customer(&self) -> &str {
        if CONFIDENTIAL.contains(&self.as_str()) {
            GENERIC
        } else {
            self.as_str()
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
    fn what_is_no_code_becomes_the_generic_one() {
        assert_eq!(DeclineCode::new("expired_card").as_str(), "expired_card");
        for text in ["", "Expired Card", "x\n", &"x".repeat(101)] {
            assert_eq!(
                DeclineCode::new(text).as_str(),
                "generic_decline",
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_thief_does_not_learn_that_the_card_was_reported() {
        for code in [
            "fraudulent",
            "lost_card",
            "merchant_blacklist",
            "stolen_card",
        ] {
            assert_eq!(DeclineCode::new(code).for_customer(), "generic_decline");
        }
        let poor = DeclineCode::new("insufficient_funds");
        assert_eq!(poor.for_customer(), "insufficient_funds");
    }
}
