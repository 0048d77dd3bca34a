//! What an order is called elsewhere.

use std::fmt;

use oms_validation::openapi::text;
use oms_validation::text::tidy;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Longest reference, in characters; the column has the same limit.
const MAX_LENGTH: usize = 255;

/// Printable, and no blank at an end.
const PATTERN: &str = r"^[^\s\u0000-\u001f\u007f-\u009f](?:[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";

/// What an order is called in the storefront or another system: 1 to 255 printable characters, none of them a blank at an end.
/// Two orders may have the same: an order that failed and its successor, say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalReference(String);

oms_validation::schema_of! {
    ExternalReference,
    "What an order is called in the storefront or another system. Two orders may have the same.",
    text(1..=MAX_LENGTH, PATTERN).examples(["#1001"])
}

/// The text is not usable as a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 printable characters, with no blank before or after them")]
pub struct InvalidExternalReference;

impl ExternalReference {
    /// Reads a reference, in which what looks the same becomes the same.
    ///
    /// # Errors
    /// When it is empty or too long, has a character that is not printable, or a blank at an end.
    pub fn parse(text: &str) -> Result<Self, InvalidExternalReference> {
        let is_trimmed = text.trim().len() == text.len();
        let tidy = Self::stored(&tidy(text))?;
        is_trimmed.then_some(tidy).ok_or(InvalidExternalReference)
    }

    /// One that is stored: under the rule of before hidden characters were known, so that what was taken then can be read.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidExternalReference> {
        let length = text.chars().count();
        let is_trimmed = text.trim().len() == text.len();
        if !(1..=MAX_LENGTH).contains(&length) || !is_trimmed || text.contains(char::is_control) {
            return Err(InvalidExternalReference);
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ExternalReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_what_another_system_calls_an_order() {
        for text in ["1", "#1001", "Bestellung Nº 7", &"ä".repeat(255)] {
            assert_eq!(ExternalReference::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(
            ExternalReference::parse("Zoe\u{308}\u{200B}"),
            ExternalReference::parse("Zoë")
        );
        for text in [
            "",
            " ",
            "\u{200B}",
            "7 ",
            "\u{a0}7",
            "a\nb",
            "a\0b",
            &"x".repeat(256),
        ] {
            assert_eq!(
                ExternalReference::parse(text),
                Err(InvalidExternalReference),
                "{text:?}"
            );
        }
    }
}
