//! A gateway's name for a payment.

use std::fmt;

/// Longest reference, in characters; the column has the same limit.
const MAX_LENGTH: usize = 255;

/// A gateway's name for a payment, such as `pi_3MtwBwLkdIwHu7ix28a3tqPa`: 1 to 255 letters, digits and underscores, so
/// that it is safe in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference(String);

/// The text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 letters, digits and underscores")]
pub struct InvalidReference;

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// When it is empty, longer than 255 characters, or has a character other than a letter, a digit or an underscore.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let of_a_reference = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(of_a_reference) {
            return Err(InvalidReference);
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference as the gateway wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_is_safe_in_a_path_is_a_reference() {
        assert_eq!(Reference::parse("pi_3Mt").unwrap().as_str(), "pi_3Mt");
        for text in ["", "..", "pi/1", "pi?x", "pi 1", &"x".repeat(256)] {
            assert_eq!(Reference::parse(text), Err(InvalidReference), "{text:?}");
        }
    }
}
