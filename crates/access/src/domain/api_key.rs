//! The text of an API key, a secret that can be recognised offline.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oms_validation::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The kind of installation that a key is for. A key of one kind is unknown to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// Production.
    Live,
    /// Development.
    Test,
}

impl KeyMode {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "oms_live_",
            Self::Test => "oms_test_",
        }
    }
}

const TENANT: usize = 16;
const SECRET: usize = 32;
const CHECKSUM: usize = 4;
const PAYLOAD: usize = TENANT + SECRET;

/// The SHA-256 of a key's text, by which it is stored and looked up. A secret of 256 random bits needs no slower hash.
pub(crate) type KeyHash = [u8; 32];

/// An API key. Its text is shown once, through [`ApiKey::expose`], and never in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    mode: KeyMode,
    tenant: TenantId,
}

/// The error for a text that is not an API key. It doesn't contain the text, which may be another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an API key")]
pub struct InvalidApiKey;

impl ApiKey {
    /// Generates a new key of a tenant.
    pub(crate) fn generate(mode: KeyMode, tenant: TenantId) -> Self {
        Self::of_secret(mode, tenant, &rand::random())
    }

    fn of_secret(mode: KeyMode, tenant: TenantId, secret: &[u8; SECRET]) -> Self {
        let mut bytes = [tenant.as_uuid().as_bytes().as_slice(), secret].concat();
        bytes.extend(checksum(mode, &bytes));
        let text = format!("{}{}", mode.prefix(), URL_SAFE_NO_PAD.encode(bytes));
        Self { text, mode, tenant }
    }

    /// Parses a key. A valid text is not yet trusted: only the database knows whether the key exists.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if the prefix, the length, the alphabet or the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let (mode, encoded) = [KeyMode::Live, KeyMode::Test]
            .into_iter()
            .find_map(|mode| Some((mode, text.strip_prefix(mode.prefix())?)))
            .ok_or(InvalidApiKey)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidApiKey)?;
        let (payload, sum) = bytes.split_at_checked(PAYLOAD).ok_or(InvalidApiKey)?;
        let tenant = Uuid::from_slice(&payload[..TENANT]).map_err(|_| InvalidApiKey)?;
        if sum != checksum(mode, payload) {
            return Err(InvalidApiKey);
        }
        Ok(Self {
            text: text.to_owned(),
            mode,
            tenant: tenant.into(),
        })
    }

    /// Returns the secret text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The kind of installation that the key is for.
    pub fn mode(&self) -> KeyMode {
        self.mode
    }

    /// The tenant that the key claims to belong to.
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn hash(&self) -> KeyHash {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// The last characters, by which people distinguish keys. They are part of the checksum.
    pub(crate) fn ending(&self) -> &str {
        &self.text[self.text.len() - 4..]
    }
}

fn checksum(mode: KeyMode, payload: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new()
        .chain_update(mode.prefix())
        .chain_update(payload)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}…{})", self.mode.prefix(), self.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        Uuid::from_u128(0x4000_8000_0000_0000_0001).into()
    }

    #[test]
    fn a_key_has_the_documented_format() {
        let key = ApiKey::of_secret(KeyMode::Live, tenant(), &[7; SECRET]);
        assert_eq!(key.expose().len(), "oms_live_".len() + 70);
        assert!(key.expose().starts_with("oms_live_"));
        assert_eq!(ApiKey::parse(key.expose()), Ok(key.clone()));
        assert_eq!((key.mode(), key.tenant()), (KeyMode::Live, tenant()));
        let test = ApiKey::of_secret(KeyMode::Test, tenant(), &[7; SECRET]);
        assert!(test.expose().starts_with("oms_test_") && test.hash() != key.hash());
    }

    #[test]
    fn changing_any_character_makes_a_key_invalid() {
        let key = ApiKey::generate(KeyMode::Test, tenant());
        let text = key.expose();
        for index in 0..text.len() {
            let other = if &text[index..=index] == "A" {
                "B"
            } else {
                "A"
            };
            let changed = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            assert_eq!(ApiKey::parse(&changed), Err(InvalidApiKey), "{index}");
        }
        let longer = format!("{text}A");
        let live = text.replacen("test", "live", 1);
        for wrong in [
            "",
            "oms_test_",
            &text[1..],
            &text[..text.len() - 1],
            &longer,
            &live,
        ] {
            assert_eq!(ApiKey::parse(wrong), Err(InvalidApiKey), "{wrong}");
        }
    }

    #[test]
    fn generated_keys_are_distinct() {
        let one = ApiKey::generate(KeyMode::Live, tenant());
        let other = ApiKey::generate(KeyMode::Live, tenant());
        assert_ne!(one, other);
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn debug_output_does_not_contain_the_secret() {
        let key = ApiKey::generate(KeyMode::Live, tenant());
        let debug = format!("{key:?}");
        assert!(debug.len() < 30 && debug.contains(key.ending()), "{debug}");
    }
}
