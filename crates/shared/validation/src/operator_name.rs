//! The name of an operator.

use std::fmt;

/// Maximum length of a name, in characters: the subject of a token has up to 255, plus a prefix.
const MAX_LENGTH: usize = 261;

/// The name of a person who operates the installation: 1 to 261 printable ASCII characters, so that it can appear in a
/// log and in an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperatorName(String);

/// The text is not usable as an operator's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 261 printable ASCII characters")]
pub struct InvalidOperatorName;

impl OperatorName {
    /// Parses a name.
    ///
    /// # Errors
    /// If it is empty, longer than 261 characters, or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidOperatorName> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(is_printable) {
            return Err(InvalidOperatorName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The operator as records name it, distinct from workers and clients.
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
    fn a_name_is_safe_in_a_log_and_in_a_timeline() {
        for text in [
            "a",
            "ann.lee",
            "ops@example.com",
            "auth0|5f7c",
            "a:b",
            "token:CN=till 1",
            &"x".repeat(261),
        ] {
            assert_eq!(OperatorName::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a\n", "zoë", &"x".repeat(262)] {
            assert_eq!(
                OperatorName::parse(text),
                Err(InvalidOperatorName),
                "{text:?}"
            );
        }
    }
}
