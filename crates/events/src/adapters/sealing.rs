//! Seals secrets before they are stored, so that a copy of the database does not contain them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// Keys that seal secrets with AES-256-GCM: the first seals, all open.
pub struct SealingKeys(Vec<SealingKey>);

struct SealingKey {
    id: String,
    key: LessSafeKey,
}

/// A secret that only the holder of its key can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The nonce, followed by the encrypted secret and its tag.
    pub bytes: Vec<u8>,
    /// The ID of the key.
    pub key_id: String,
}

/// Why keys can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There is none.
    #[error("must have at least one key")]
    Empty,
    /// A key is not `id:base64`.
    #[error(
        "must be a list of id:base64, where an ID has 1 to 32 letters, digits, dots, dashes or underscores"
    )]
    Malformed,
    /// A key has another length.
    #[error("the key {0} must have 32 bytes")]
    Length(String),
    /// Two keys have the same ID.
    #[error("the ID {0} is used twice")]
    Duplicate(String),
}

/// Why a secret can't be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Its key is not among ours.
    #[error("the secret is sealed with the key {0}, which is not among OMS_SECRET_KEYS")]
    UnknownKey(String),
    /// It was sealed for something else, with another key of the same ID, or changed since.
    #[error("the secret can't be opened with its key")]
    Damaged,
    /// The system gives no random numbers.
    #[error("there are no random numbers")]
    NoRandom,
}

impl SealingKeys {
    /// Parses `id:base64,…`, newest first.
    ///
    /// # Errors
    /// [`KeysError`], which contains no key.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys: Vec<SealingKey> = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (id, encoded) = part.split_once(':').ok_or(KeysError::Malformed)?;
            if !is_id(id) {
                return Err(KeysError::Malformed);
            }
            let bytes = STANDARD.decode(encoded).map_err(|_| KeysError::Malformed)?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes);
            let key = key.map_err(|_| KeysError::Length(id.to_owned()))?;
            if keys.iter().any(|other| other.id == id) {
                return Err(KeysError::Duplicate(id.to_owned()));
            }
            keys.push(SealingKey {
                id: id.to_owned(),
                key: LessSafeKey::new(key),
            });
        }
        match keys.is_empty() {
            true => Err(KeysError::Empty),
            false => Ok(Self(keys)),
        }
    }

    /// Seals a secret for its owner. It can be opened only for the same owner.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<Sealed, SealError> {
        let [newest, ..] = self.0.as_slice() else {
            return Err(SealError::NoRandom);
        };
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SealError::NoRandom)?;
        let mut encrypted = secret.to_vec();
        let sealed = newest.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner.as_bytes()),
            &mut encrypted,
        );
        sealed.map_err(|_| SealError::Damaged)?;
        Ok(Sealed {
            bytes: [nonce.as_slice(), &encrypted].concat(),
            key_id: newest.id.clone(),
        })
    }

    /// Opens a secret that was sealed for this owner.
    ///
    /// # Errors
    /// `SealError`, if the text was not sealed with one of the keys.
    pub fn open(&self, owner: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| SealError::UnknownKey(sealed.key_id.clone()))?;
        let (nonce, encrypted) = sealed
            .bytes
            .split_at_checked(NONCE_LEN)
            .ok_or(SealError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Damaged)?;
        let mut secret = encrypted.to_vec();
        let opened = key
            .key
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut secret);
        let length = opened.map_err(|_| SealError::Damaged)?.len();
        secret.truncate(length);
        Ok(secret)
    }

    /// Whether a secret is sealed with an older key than the newest.
    #[must_use]
    pub fn is_outdated(&self, sealed: &Sealed) -> bool {
        self.0
            .first()
            .is_none_or(|newest| newest.id != sealed.key_id)
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|key| key.id.as_str());
        formatter.debug_list().entries(ids).finish()
    }
}

fn is_id(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    }

    fn keys(list: &[String]) -> SealingKeys {
        SealingKeys::parse(&list.join(",")).expect("keys")
    }

    #[test]
    fn a_secret_is_opened_for_its_owner_only() {
        let keys = keys(&[key("a", 1)]);
        let sealed = keys.seal("endpoint 1", b"secret").expect("sealed");
        assert_eq!(keys.open("endpoint 1", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(keys.open("endpoint 2", &sealed), Err(SealError::Damaged));
        let again = keys.seal("endpoint 1", b"secret").expect("sealed");
        assert_ne!(again.bytes, sealed.bytes);
    }

    #[test]
    fn the_newest_key_seals_and_older_ones_open() {
        let old = keys(&[key("2025", 1)]);
        let sealed = old.seal("owner", b"secret").expect("sealed");
        let both = keys(&[key("2026", 2), key("2025", 1)]);
        assert_eq!(both.open("owner", &sealed), Ok(b"secret".to_vec()));
        assert!(both.is_outdated(&sealed));
        let renewed = both.seal("owner", b"secret").expect("sealed");
        assert_eq!(renewed.key_id, "2026");
        assert!(!both.is_outdated(&renewed));
        let unknown = SealError::UnknownKey("2026".to_owned());
        assert_eq!(old.open("owner", &renewed), Err(unknown));
    }

    #[test]
    fn a_changed_secret_is_not_opened() {
        let keys = keys(&[key("a", 1)]);
        let sealed = keys.seal("owner", b"secret").expect("sealed");
        for index in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[index] ^= 1;
            assert_eq!(keys.open("owner", &changed), Err(SealError::Damaged));
        }
        for length in 0..sealed.bytes.len() {
            let mut cut = sealed.clone();
            cut.bytes.truncate(length);
            assert_eq!(keys.open("owner", &cut), Err(SealError::Damaged));
        }
    }

    #[test]
    fn keys_that_can_not_be_used_are_refused_without_being_repeated() {
        let parse = |text: &str| SealingKeys::parse(text).map(|keys| format!("{keys:?}"));
        assert_eq!(parse(" , "), Err(KeysError::Empty));
        assert_eq!(parse("abc"), Err(KeysError::Malformed));
        assert_eq!(parse("a b:AAAA"), Err(KeysError::Malformed));
        assert_eq!(
            parse(&format!("{}:AAAA", "i".repeat(33))),
            Err(KeysError::Malformed)
        );
        assert_eq!(parse("a:not base64"), Err(KeysError::Malformed));
        assert_eq!(parse("a:AAAA"), Err(KeysError::Length("a".to_owned())));
        let twice = [key("a", 1), key("a", 2)].join(",");
        assert_eq!(parse(&twice), Err(KeysError::Duplicate("a".to_owned())));
        assert_eq!(parse(&key("a", 1)), Ok("[\"a\"]".to_owned()));
    }
}
