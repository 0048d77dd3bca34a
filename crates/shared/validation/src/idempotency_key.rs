//! The key that makes it safe to repeat a request.

use std::fmt;

use crate::openapi::text;

/// Maximum length of a key, in characters.
const MAX_LENGTH: usize = 255;

/// 1 to 255 printable ASCII characters, chosen by the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The text is not usable as an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 printable ASCII characters")]
pub struct InvalidIdempotencyKey;

crate::schema_of! {
    IdempotencyKey,
    "Chosen by the client: unique for each operation, and the same when its request is repeated.",
    // White space at the ends of a header is not part of its value.
    text(1..=MAX_LENGTH, "^[!-~]([ -~]*[!-~])?$").examples(["0192f0c1-first-order"])
}

impl IdempotencyKey {
    /// Parses a key.
    ///
    /// # Errors
    /// If it is empty, longer than 255 characters, or has a character that is not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.trim().is_empty() || text.len() > MAX_LENGTH || !printable {
            return Err(InvalidIdempotencyKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// The key as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_1_to_255_printable_characters_are_accepted() {
        for text in ["k", "order 17/retry", &"x".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn empty_blank_long_and_unprintable_keys_are_refused() {
        for text in ["", "  ", &"x".repeat(256), "tab\there", "naïve"] {
            assert_eq!(
                IdempotencyKey::parse(text),
                Err(InvalidIdempotencyKey),
                "{text:?}"
            );
        }
    }
}
