//! Whether a webhook comes from Stripe: the header `Stripe-Signature: t=…,v1=…`. Pure; the time is passed in.
//!
//! A `v1` is the HMAC-SHA256, in hex, of the timestamp as it is written, a full stop and the raw body; the key is the
//! whole secret, `whsec_` included. There is one for each secret that is in force, and while a secret is being replaced
//! there are two. Entries of other schemes are passed over, lest somebody chooses a weaker one.
//! <https://docs.stripe.com/webhooks#verify-manually>

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the timestamp may be from our clock, either way: the tolerance of Stripe's own libraries.
const TOLERANCE_S: u64 = 300;
/// Most signatures that are looked at. Stripe sends one for each secret in force.
const MAX_SIGNATURES: usize = 16;
/// Most secrets at a time.
const MAX_SECRETS: usize = 8;
/// What Stripe's secrets begin with.
const PREFIX: &str = "whsec_";

/// The secrets of a webhook endpoint: one at least, and more while one replaces another.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(Vec<SecretString>);

/// The text is not a list of secrets. It is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_SECRETS} secrets with commas between them, each beginning with {PREFIX} and printable"
)]
pub struct InvalidWebhookSecrets;

/// Why a webhook is not believed. For the log: whoever sent it learns only that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignature {
    /// No header, or more than one.
    #[error("there is not exactly one signature header")]
    Missing,
    /// The header does not have its form.
    #[error("the signature header has not the documented form")]
    Malformed,
    /// Signed with another secret, or another body or time.
    #[error("no signature fits the body and a secret")]
    Forged,
    /// Signed long ago or ahead of time, by whomever.
    #[error("the signature's time is more than {TOLERANCE_S} s from ours")]
    Stale,
}

impl WebhookSecrets {
    /// Reads secrets with commas between them.
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

    /// Whether one of the secrets is this one. For configuration, not for what a stranger sends: it takes its time.
    pub fn include(&self, secret: &str) -> bool {
        self.0.iter().any(|known| known.expose_secret() == secret)
    }

    /// Checks everything about a signature that needs no body: its form, and that its time is near `now`, in Unix seconds.
    /// A webhook that fails here is refused before its body is read.
    ///
    /// # Errors
    /// Why it can't be genuine.
    pub fn check_head(&self, header: &str, now: u64) -> Result<(), InvalidSignature> {
        let header = Header::parse(header).ok_or(InvalidSignature::Malformed)?;
        header.check_time(now)
    }

    /// Makes sure that whoever knows one of the secrets signed this very body, not long ago. `now` is in Unix seconds.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, header: &str, body: &[u8], now: u64) -> Result<(), InvalidSignature> {
        let header = Header::parse(header).ok_or(InvalidSignature::Malformed)?;
        let genuine = self.0.iter().any(|secret| header.fits(secret, body));
        if !genuine {
            return Err(InvalidSignature::Forged);
        }
        header.check_time(now)
    }
}

/// The header, taken apart.
struct Header<'a> {
    /// As it was signed.
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

    /// Whether one of the signatures is that of the body under this secret. Comparing takes the same time wherever
    /// they differ.
    fn fits(&self, secret: &SecretString, body: &[u8]) -> bool {
        let key = secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
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
