//! Why something was done, in words.

use oms_validation::openapi::{READABLE_LINES, text};

/// Longest reason, in characters; the columns have the same limit.
const MAX_LENGTH: usize = 500;

/// Why somebody did something, in their own words: 1 to 500 characters, not all of them blank, and no control characters but line breaks
/// and tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

oms_validation::schema_of! {
    Reason,
    "Why, in the words of whoever asks. Blanks around it are cut off.",
    text(1..=MAX_LENGTH, READABLE_LINES).examples(["the customer changed their mind"])
}

/// The text is not usable as a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 500 characters of text, not all blank")]
pub struct InvalidReason;

impl Reason {
    /// Reads a reason; blanks around it are cut off.
    ///
    /// # Errors
    /// When it is blank or too long, or has a character that is not for reading.
    pub fn parse(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let unreadable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.is_empty() || text.chars().count() > MAX_LENGTH || text.contains(unreadable) {
            return Err(InvalidReason);
        }
        Ok(Self(text.to_owned()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As much of a text as fits into a column.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_something_to_read() {
        for text in ["x", " the bank\nconfirmed it ", &"ä".repeat(500)] {
            assert_eq!(Reason::parse(text).unwrap().as_str(), text.trim());
        }
        for text in ["", "  \n", "a\0b", "\u{1b}[2J", &"x".repeat(501)] {
            assert_eq!(Reason::parse(text), Err(InvalidReason), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(600)), "ä".repeat(500));
    }
}
