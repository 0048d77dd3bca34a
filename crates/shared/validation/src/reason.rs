//! The reason for an action, in words.

use serde::Deserialize;

use crate::openapi::{READABLE_LINES, text};
use crate::text::tidy;

/// The reason for an action, in the caller's own words: 1 to 500 characters, not all blank, without control characters
/// except line breaks and tabs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(String);

crate::schema_of! {
    Reason,
    "The reason, in your own words. Surrounding white space is removed.",
    text(1..=Reason::MAX_LENGTH, READABLE_LINES).examples(["the customer changed their mind"])
}

/// The text is not usable as a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 500 characters of text, not all blank")]
pub struct InvalidReason;

impl Reason {
    /// Maximum length of a reason, in characters. The columns that store reasons have the same limit.
    pub const MAX_LENGTH: usize = 500;

    /// Parses a reason: removes surrounding white space and normalises characters that look the same.
    ///
    /// # Errors
    /// If it is blank or too long, or has a character that is not readable.
    pub fn parse(text: &str) -> Result<Self, InvalidReason> {
        let text = tidy(text);
        let unreadable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.is_empty() || text.chars().count() > Self::MAX_LENGTH || text.contains(unreadable) {
            return Err(InvalidReason);
        }
        Ok(Self(text.into_owned()))
    }

    /// The text of the reason.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;

    fn try_from(text: String) -> Result<Self, InvalidReason> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_must_be_readable() {
        for text in ["x", " the bank\nconfirmed it ", &"ä".repeat(500)] {
            assert_eq!(Reason::parse(text).unwrap().as_str(), text.trim());
        }
        assert_eq!(Reason::parse("Zoe\u{308}\u{202E}"), Reason::parse("Zoë"));
        for text in [
            "",
            "  \n",
            "\u{200B}",
            "a\0b",
            "\u{1b}[2J",
            &"x".repeat(501),
        ] {
            assert_eq!(Reason::parse(text), Err(InvalidReason), "{text:?}");
        }
    }
}
