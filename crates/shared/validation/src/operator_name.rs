//! The name of an operator.

use std::fmt;

/// Longest name, in characters.
const MAX_LENGTH: usize = 64;

/// Somebody who runs the installation: 1 to 64 letters, digits and any of `. - _ @ | :`, so that it can stand in a log and
/// in an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperatorName(String);

/// The text is not usable as an operator's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits and any of . - _ @ | :")]
pub struct InvalidOperatorName;

impl OperatorName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters, or has another character than the allowed ones.
    pub fn parse(text: &str) -> Result<Self, InvalidOperatorName> {
        let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@|:".contains(&byte);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(of_a_name) {
            return Err(InvalidOperatorName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As records name whoever did something, apart from workers and clients.
    pub fn as_actor(&self) -> String {
        format!("operator:{self}")
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_log_and_in_a_timeline() {
        for text in [
            "a",
            "ann.lee",
            "ops@example.com",
            "auth0|5f7c",
            "a:b",
            &"x".repeat(64),
        ] {
            assert_eq!(OperatorName::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\n", "zoë", &"x".repeat(65)] {
            assert_eq!(
                OperatorName::parse(text),
                Err(InvalidOperatorName),
                "{text:?}"
            );
        }
    }
}
