//! The identity and the scopes of an authenticated request.

use std::fmt;
use std::str::FromStr;

use oms_validation::{Scope, Scopes, TenantId};

/// Maximum length of a key's name, in characters.
const MAX_NAME: usize = 64;
/// Maximum length of a token's subject (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;
/// Separates subjects of tokens from names of keys, because both share rate limits and appear on the same timelines.
const SUBJECT: &str = "token:";

/// The name of the acting client, which is safe for logs and timelines. It is the name of a key, 1 to 64 letters,
/// digits and any of `. - _ @ | :`, or `token:` and the subject of a token, up to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialName(String);

/// The error for a text that is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits and any of . - _ @ | :, and must not begin with token:")]
pub struct InvalidCredentialName;

impl CredentialName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Creates the name for the `sub` claim of a token.
    ///
    /// # Errors
    /// If the subject is empty, longer than 255 characters, or not printable ASCII.
    pub fn of_subject(subject: &str) -> Result<Self, InvalidCredentialName> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if subject.is_empty() || subject.len() > MAX_SUBJECT || !subject.bytes().all(is_printable) {
            return Err(InvalidCredentialName);
        }
        Ok(Self(format!("{SUBJECT}{subject}")))
    }

    /// Reads the name of a stored session: that of a key or of a token's subject.
    pub(crate) fn of_session(name: &str) -> Result<Self, InvalidCredentialName> {
        match name.strip_prefix(SUBJECT) {
            Some(subject) => Self::of_subject(subject),
            None => Self::of_stored_key(name),
        }
    }

    /// Reads the name of a stored key. Keys of earlier versions may have a name that a new key can't have.
    pub(crate) fn of_stored_key(name: &str) -> Result<Self, InvalidCredentialName> {
        let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@|:".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(of_a_name) {
            return Err(InvalidCredentialName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for CredentialName {
    type Err = InvalidCredentialName;

    /// Parses the name of a key.
    fn from_str(text: &str) -> Result<Self, InvalidCredentialName> {
        match text.starts_with(SUBJECT) {
            true => Err(InvalidCredentialName),
            false => Self::of_stored_key(text),
        }
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity and the scopes of a known credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The tenant of the request. There is no other source for it.
    pub tenant: TenantId,
    /// The name of the acting client.
    pub name: CredentialName,
    /// The granted scopes.
    pub scopes: Scopes,
}

impl Credential {
    /// Whether it has a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.include(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_only_characters_that_are_safe_in_logs() {
        for text in [
            "a",
            "ann.lee",
            "auth0|5f7c8ec7",
            "system:till-1",
            &"x".repeat(64),
        ] {
            assert_eq!(text.parse::<CredentialName>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\n", "zoë", "a/b", "token:ann", &"x".repeat(65)] {
            let parsed = text.parse::<CredentialName>();
            assert_eq!(parsed, Err(InvalidCredentialName), "{text:?}");
        }
    }

    #[test]
    fn a_subject_may_use_all_printable_ascii_and_is_never_a_valid_key_name() {
        let longest = "x".repeat(255);
        for subject in [
            "ann",
            "system:serviceaccount:shop/storefront",
            "CgNhbm4SBWxvY2Fs+/=",
            "CN=till 1, O=Shop",
            &longest,
        ] {
            let name = CredentialName::of_subject(subject).unwrap();
            assert_eq!(name.as_str(), format!("token:{subject}"));
            assert!(name.as_str().parse::<CredentialName>().is_err());
        }
        for subject in ["", "a\tb", "zoë", "a\u{202e}b", &"x".repeat(256)] {
            let refused = CredentialName::of_subject(subject);
            assert_eq!(refused, Err(InvalidCredentialName), "{subject:?}");
        }
    }
}
