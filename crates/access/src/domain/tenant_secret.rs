//! A secret that names its tenant: the value of a session's cookie, or the token of a sign-in link.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oms_validation::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const TENANT: usize = 16;
const SECRET: usize = 32;

/// The SHA-256 of a secret's text, by which it is stored and looked up. A secret of 256 random bits needs no slower
/// hash.
pub(crate) type SecretHash = [u8; 32];

/// A secret: its tenant and 256 random bits, as 64 characters of base64url. It names the tenant, so that the look-up by
/// its hash has one; the tenant is trusted only if the row exists. Its text is never in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct TenantSecret {
    text: String,
    tenant: TenantId,
}

/// The error for a text that is not such a secret. It doesn't contain the text, which may be another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a secret of a session or a link")]
pub struct InvalidSecret;

impl TenantSecret {
    pub(crate) fn generate(tenant: TenantId) -> Self {
        let secret: [u8; SECRET] = rand::random();
        let bytes = [tenant.as_uuid().as_bytes().as_slice(), &secret].concat();
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Self { text, tenant }
    }

    /// Parses a secret. A valid text is not yet trusted: only the database knows whether it was issued.
    ///
    /// # Errors
    /// [`InvalidSecret`] if the length or the alphabet is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSecret)?;
        if bytes.len() != TENANT + SECRET {
            return Err(InvalidSecret);
        }
        let tenant = Uuid::from_slice(&bytes[..TENANT]).map_err(|_| InvalidSecret)?;
        Ok(Self {
            text: text.to_owned(),
            tenant: tenant.into(),
        })
    }

    /// Returns the secret text.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The tenant that the secret claims to belong to.
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn hash(&self) -> SecretHash {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

impl fmt::Debug for TenantSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantSecret(of {})", self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        Uuid::from_u128(0x4000_8000_0000_0000_0001).into()
    }

    #[test]
    fn a_secret_names_its_tenant_and_no_two_are_equal() {
        let (one, other) = (
            TenantSecret::generate(tenant()),
            TenantSecret::generate(tenant()),
        );
        assert_ne!(one, other);
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.expose().len(), 64);
        let read = TenantSecret::parse(one.expose()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (tenant(), one.hash()));
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_no_secret() {
        let text = TenantSecret::generate(tenant()).expose().to_owned();
        let longer = format!("{text}AAAA");
        for wrong in [
            "",
            &text[1..],
            &text[4..],
            &longer,
            &text.replacen(&text[..1], "+", 1),
        ] {
            assert_eq!(TenantSecret::parse(wrong), Err(InvalidSecret), "{wrong}");
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_secret() {
        let secret = TenantSecret::generate(tenant());
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }
}
