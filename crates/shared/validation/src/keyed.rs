//! Requests with an idempotency key.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::IdempotencyKey;

/// SHA-256 of a request in its parsed form, so that different notations of the same request are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A request that its client may repeat without repeating its effect.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// The client's idempotency key.
    pub key: &'a IdempotencyKey,
    /// The fingerprint of the request.
    pub fingerprint: Fingerprint,
}

impl<'a> Keyed<'a> {
    /// `operation` distinguishes equal requests to different endpoints.
    ///
    /// # Panics
    /// If `request` can't be serialised to JSON, which is a bug.
    pub fn new(key: &'a IdempotencyKey, operation: &str, request: &impl Serialize) -> Self {
        let request = serde_json::to_vec(request)
            .expect("requests have only strings, booleans and finite numbers");
        let mut hasher = Sha256::new();
        for part in [operation.as_bytes(), &request] {
            // The length prefix makes sure that different lists of parts never form the same text.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let fingerprint = Fingerprint(hasher.finalize().into());
        Self { key, fingerprint }
    }
}

/// The result of a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// Done by this request.
    Now(T),
    /// Done by an earlier request with the same key.
    Before(T),
}

impl<T> Once<T> {
    /// The result, regardless of which request produced it.
    pub fn into_inner(self) -> T {
        match self {
            Self::Now(value) | Self::Before(value) => value,
        }
    }

    /// Converts the result.
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
    fn a_fingerprint_covers_the_operation_and_every_part_of_a_request() {
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
