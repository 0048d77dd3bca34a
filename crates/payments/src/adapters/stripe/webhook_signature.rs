//! Verifies that a webhook comes from Stripe, by its header `Stripe-Signature: t=…,v1=…`. Pure: the time is a
//! parameter.
//!
//! A `v1` entry is the HMAC-SHA256, in hex, of the timestamp as written, a full stop and the raw body. The key is the
//! whole secret, including `whsec_`. There is one entry per active secret, so two while a secret is being rotated.
//! Entries of other schemes are ignored, so that nobody can choose a weaker one.
//! <https://docs.stripe.com/webhooks#verify-manually>

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Maximum difference between the timestamp and our clock, in either direction: the tolerance of Stripe's own
/// libraries.
const TOLERANCE_S: u64 = 300;
/// Maximum number of signatures in a header. Stripe sends one per active secret.
const MAX_SIGNATURES: usize = 16;
/// Maximum number of secrets.
const MAX_SECRETS: usize = 8;
/// Prefix of Stripe's secrets.
const PREFIX: &str = "whsec_";

/// The secrets of a webhook endpoint: at least one, and more during a rotation.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(Vec<SecretString>);

/// The text is not a list of secrets. The error never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_SECRETS} comma-separated secrets of printable characters, each beginning with {PREFIX}"
)]
pub struct InvalidWebhookSecrets;

/// Why a webhook is not believed. For the log: the sender learns only that it was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignature {
    /// No signature header, or more than one.
    #[error("there is no signature header, or more than one")]
    Missing,
    /// The header is malformed.
    #[error("the signature header is malformed")]
    Malformed,
    /// Signed with another secret, or for another body or time.
    #[error("no signature matches the body under any secret")]
    Forged,
    /// Signed too long ago or too far ahead. The signature may be genuine.
    #[error("the signature's time differs from ours by more than {TOLERANCE_S} s")]
    Stale,
}

impl WebhookSecrets {
    /// Reads a comma-separated list of secrets.
    ///
    /// # Errors
    /// When there is none, there are more than 8, or one does not begin with `whsec_` or is not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecrets> {
        let secrets: Vec<&str> = text.split(',').map(str::trim).collect();
        let is_secret = |text: &&str| {
            let rest = text.strip_prefix(PREFIX);
            rest.is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
            })
        };
        if secrets.len() > MAX_SECRETS || !secrets.iter().all(is_secret) {
            return Err(InvalidWebhookSecrets);
        }
        Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
    }

    /// Whether one of the secrets is this one. For configuration only: the comparison does not take constant time.
    pub fn include(&self, secret: &str) -> bool {
        self.0.iter().any(|known| known.expose_secret() == secret)
    }

    /// Checks what needs no body: the header's format, and that its time is near `now`, in Unix seconds. A webhook that
    /// fails here is rejected before its body is read.
    ///
    /// # Errors
    /// The reason why it can't be genuine.
    pub fn check_head(&self, header: &str, now: u64) -> Result<(), InvalidSignature> {
        let header = Header::parse(header).ok_or(InvalidSignature::Malformed)?;
        header.check_time(now)
    }

    /// Verifies that this exact body was signed recently, with one of the secrets. `now` is in Unix seconds.
    ///
    /// # Errors
    /// The reason why it is not believed.
    pub fn verify(&self, header: &str, body: &[u8], now: u64) -> Result<(), InvalidSignature> {
        let header = Header::parse(header).ok_or(InvalidSignature::Malformed)?;
        let genuine = self.0.iter().any(|secret| header.fits(secret, body));
        if !genuine {
            return Err(InvalidSignature::Forged);
        }
        header.check_time(now)
    }
}

/// The parsed header.
struct Header<'a> {
    /// As signed.
    timestamp: &'a str,
    time: u64,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for entry in text.split(',') {
            match entry.trim().split_once('=')? {
                ("t", time) if timestamp.is_none() => timestamp = Some(time),
                ("t", _) => return None,
                ("v1", _) if signatures.len() == MAX_SIGNATURES => return None,
                ("v1", digest) => signatures.push(digest_of(digest)?),
                _ => {}
            }
        }
        let timestamp = timestamp.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some(Self {
            timestamp,
            time: timestamp.parse().ok()?,
            signatures,
        })
        .filter(|header| !header.signatures.is_empty())
    }

    fn check_time(&self, now: u64) -> Result<(), InvalidSignature> {
        match self.time.abs_diff(now) <= TOLERANCE_S {
            true => Ok(()),
            false => Err(InvalidSignature::Stale),
        }
    }

    /// Whether one of the signatures matches the body under this secret. The comparison takes constant time.
    fn fits(&self, secret: &SecretString, body: &[u8]) -> bool {
        let key = secret.expose_secret().as_bytes();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts a key of any length");
        mac.update(self.timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        let mut signatures = self.signatures.iter();
        signatures.any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(hex, &mut digest).ok()?;
    Some(digest)
}

#[cfg(test)]
mod tests;
