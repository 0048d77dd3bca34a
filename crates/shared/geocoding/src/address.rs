//! An address as the customer wrote it. It is personal data, and never printed.

use std::fmt;

/// The text of an address: trimmed, 1 to 500 characters, no control characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

/// Why a text is not a valid address. The messages are for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The text is blank.
    #[error("must not be empty")]
    Empty,
    /// The text has more than [`Address::MAX_CHARACTERS`] characters.
    #[error("must be at most 500 characters long")]
    TooLong,
    /// The text has a control character, such as a line break.
    #[error("must not contain control characters")]
    ControlCharacter,
}

impl Address {
    /// Maximum length of an address, in characters.
    pub const MAX_CHARACTERS: usize = 500;

    /// Parses and trims an address.
    ///
    /// # Errors
    /// If the text is blank or too long, or has control characters.
    pub fn new(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        if text.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(InvalidAddress::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(InvalidAddress::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text. It must not be logged.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(an address)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_bounded() {
        let address = Address::new("  1 Main St \n").unwrap();
        assert_eq!(address.as_str(), "1 Main St");
        assert_eq!(Address::new(" \t "), Err(InvalidAddress::Empty));
        assert_eq!(Address::new("1\n2"), Err(InvalidAddress::ControlCharacter));
        assert!(Address::new(&"ü".repeat(500)).is_ok());
        assert_eq!(Address::new(&"ü".repeat(501)), Err(InvalidAddress::TooLong));
    }

    #[test]
    fn an_address_hides_its_text_in_debug_and_display() {
        let address = Address::new("1 Main St").unwrap();
        assert!(!format!("{address} {address:?} {address:#?}").contains("Main"));
    }
}
