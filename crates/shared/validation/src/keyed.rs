//! What an idempotency key stands for.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::IdempotencyKey;

/// SHA-256 of a request as it was understood, so that its spelling does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A request that its client may repeat without repeating its effect.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// What its client calls it.
    pub key: &'a IdempotencyKey,
    /// What it asks for.
    pub fingerprint: Fingerprint,
}

impl<'a> Keyed<'a> {
    /// `operation` keeps apart requests to different endpoints that look alike.
    ///
    /// # Panics
    /// When `request` can't be written as JSON: that is a bug.
    pub fn new(key: &'a IdempotencyKey, operation: &str, request: &impl Serialize) -> Self {
        let request = serde_json::to_vec(request)
            .expect("requests have only strings, booleans and finite numbers");
        let mut hasher = Sha256::new();
        for part in [operation.as_bytes(), &request] {
            // With its length in front, no two different lists of parts run into one text.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let fingerprint = Fingerprint(hasher.finalize().into());
        Self { key, fingerprint }
    }
}

/// What a request with an idempotency key has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// Done by this request.
    Now(T),
    /// Done by an earlier request with the same key.
    Before(T),
}

impl<T> Once<T> {
    /// What it has come to, whoever did it.
    pub fn into_inner(self) -> T {
        match self {
            Self::Now(value) | Self::Before(value) => value,
        }
    }

    /// The same of something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Once<U> {
        match self {
            Self::Now(value) => Once::Now(change(value)),
            Self::Before(value) => Once::Before(change(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_and_every_part_of_a_request_are_in_its_fingerprint() {
        let key = IdempotencyKey::parse("k").unwrap();
        let of = |operation, request: &[&str]| Keyed::new(&key, operation, &request).fingerprint;
        let one = of("receive", &["a", "b"]);
        assert_eq!(one, of("receive", &["a", "b"]));
        for (operation, request) in [
            ("adjust", &["a", "b"][..]),
            ("receive", &["a"]),
            ("receive", &["ab"]),
            ("receive", &["b", "a"]),
        ] {
            assert_ne!(one, of(operation, request), "{operation} {request:?}");
        }
    }
}
