//! The name of an order in another system.

use std::fmt;

use oms_validation::openapi::text;
use oms_validation::text::tidy;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum length in characters; the column has the same limit.
const MAX_LENGTH: usize = 255;

/// Printable characters, without a blank at either end.
const PATTERN: &str = r"^[^\s\u0000-\u001f\u007f-\u009f](?:[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";

/// The name of an order in the storefront or another system: 1–255 printable characters, without a blank at either end.
/// Several orders may share one, for example a failed order and its successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalReference(String);

oms_validation::schema_of! {
    ExternalReference,
    "The name of an order in the storefront or another system. Several orders may share one.",
    text(1..=MAX_LENGTH, PATTERN).examples(["#1001"])
}

/// The text is not a valid reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 printable characters, with no blank before or after them")]
pub struct InvalidExternalReference;

impl ExternalReference {
    /// Parses a reference, and normalizes characters that look the same.
    ///
    /// # Errors
    /// If it is empty or too long, contains a character that is not printable, or has a blank at either end.
    pub fn parse(text: &str) -> Result<Self, InvalidExternalReference> {
        let is_trimmed = text.trim().len() == text.len();
        let tidy = Self::stored(&tidy(text))?;
        is_trimmed.then_some(tidy).ok_or(InvalidExternalReference)
    }

    /// Reads a stored reference by an older rule that did not handle hidden characters, so that everything accepted
    /// then can be read.
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

    /// The reference as text.
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
    fn a_reference_is_printable_text_without_outer_blanks() {
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
