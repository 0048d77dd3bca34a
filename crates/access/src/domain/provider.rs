//! Signing in at an identity provider: OpenID Connect's authorization code flow with PKCE (RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What the browser keeps while its operator is at the identity provider: three random texts of 43 characters. The cookie
/// that has them is bound to the browser, so that nobody can be signed in as somebody else by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Comes back with the code.
    pub(crate) state: String,
    /// Comes back in the token.
    pub(crate) nonce: String,
    /// Proves that the code belongs to this browser.
    pub(crate) verifier: String,
}

/// The error for a text that does not have the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not what a browser keeps while its operator signs in")]
pub struct InvalidAwaited;

/// The length of each text: 256 random bits.
const LENGTH: usize = 43;

impl Awaited {
    pub(crate) fn generate() -> Self {
        let random = || URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        Self {
            state: random(),
            nonce: random(),
            verifier: random(),
        }
    }

    /// The challenge, which the identity provider compares with the verifier: method `S256`.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// The text for the cookie.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    /// Reads the text of the cookie.
    ///
    /// # Errors
    /// [`InvalidAwaited`]
    pub fn parse(text: &str) -> Result<Self, InvalidAwaited> {
        let is_one = |text: &&str| {
            let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            text.len() == LENGTH && text.bytes().all(of_base64)
        };
        let parts: Vec<&str> = text.split('.').filter(is_one).collect();
        let [state, nonce, verifier] = parts.as_slice() else {
            return Err(InvalidAwaited);
        };
        Ok(Self {
            state: (*state).to_owned(),
            nonce: (*nonce).to_owned(),
            verifier: (*verifier).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let awaited = Awaited {
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..Awaited::generate()
        };
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(awaited.challenge(), challenge);
    }

    #[test]
    fn only_three_texts_of_the_right_shape_are_read() {
        let awaited = Awaited::generate();
        let text = awaited.to_text();
        assert_eq!(Awaited::parse(&text), Ok(awaited));
        for wrong in ["", "a.b.c", &text[1..], &text.replace('.', ",")] {
            assert_eq!(Awaited::parse(wrong), Err(InvalidAwaited), "{wrong}");
        }
    }
}
