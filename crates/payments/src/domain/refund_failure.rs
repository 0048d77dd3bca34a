//! Why a refund failed.

use std::fmt;

use super::code;

/// The code of a failure without a usable code.
const GENERIC: &str = "unknown";

/// A code such as `expired_or_canceled_card`, in the words of <https://docs.stripe.com/refunds#failed-refunds>, or the
/// code of the error with which the gateway rejected the refund: 1 to 100 lower-case letters, digits and underscores,
/// beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFailure(String);

impl RefundFailure {
    /// Reads the code that a gateway returned; `unknown` if it is malformed.
    pub fn new(text: &str) -> Self {
        Self(code::usable(text).unwrap_or(GENERIC).to_owned())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RefundFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_code_becomes_unknown() {
        let code = "lost_or_stolen_card";
        assert_eq!(RefundFailure::new(code).to_string(), code);
        for text in ["", "Lost card", "4242424242424242"] {
            assert_eq!(RefundFailure::new(text).as_str(), "unknown", "{text:?}");
        }
    }
}
