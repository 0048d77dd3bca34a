//! Whom a request acts for, once its credential is known.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Scope, Scopes};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// Who acts, in words that can stand in a log and on a timeline: 1 to 64 letters, digits and any of `. - _ @ | :`, which
/// are what the subjects of common identity providers are made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialName(String);

/// The text is not usable as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits and any of . - _ @ | :")]
pub struct InvalidCredentialName;

impl CredentialName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CredentialName {
    type Err = InvalidCredentialName;

    fn from_str(text: &str) -> Result<Self, InvalidCredentialName> {
        let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@|:".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(of_a_name) {
            return Err(InvalidCredentialName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a credential that is known stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The store that it acts for. There is no other source of it.
    pub tenant: Uuid,
    /// Who acts.
    pub name: CredentialName,
    /// What is allowed.
    pub scopes: Scopes,
}

impl Credential {
    /// Whether it allows this.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.include(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_log_and_on_a_timeline() {
        for text in [
            "a",
            "ann.lee",
            "auth0|5f7c8ec7",
            "system:till-1",
            &"x".repeat(64),
        ] {
            assert_eq!(text.parse::<CredentialName>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\n", "zoë", "a/b", &"x".repeat(65)] {
            let parsed = text.parse::<CredentialName>();
            assert_eq!(parsed, Err(InvalidCredentialName), "{text:?}");
        }
    }
}
