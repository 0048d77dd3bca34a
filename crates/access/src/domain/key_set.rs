//! The keys of an issuer, parsed from a JWK set (RFC 7517).

use std::collections::HashMap;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::issuer::TokenAlgorithm;

/// Maximum number of keys. Issuers have two or three, one of which is new or about to be withdrawn.
const MOST_KEYS: usize = 100;

/// The algorithm and the key ID of a token.
pub(crate) type KeyName = (TokenAlgorithm, String);

/// Verification keys by name.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: HashMap<KeyName, DecodingKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses the keys that can verify with one of the algorithms, and ignores all others.
    pub(crate) fn read(
        document: &[u8],
        algorithms: &[TokenAlgorithm],
    ) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document.keys.into_iter().filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            let algorithm = algorithm_of(&key)?;
            let decoding = DecodingKey::from_jwk(&key).ok()?;
            Some(((algorithm, key.common.key_id?), decoding))
        });
        let keys = keys.filter(|((algorithm, _), _)| algorithms.contains(algorithm));
        Ok(Self {
            keys: keys.take(MOST_KEYS).collect(),
        })
    }

    pub(crate) fn find(&self, name: &KeyName) -> Option<&DecodingKey> {
        self.keys.get(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Returns the algorithm of a key if it is meant for verification.
fn algorithm_of(key: &Jwk) -> Option<TokenAlgorithm> {
    let algorithm = match &key.algorithm {
        AlgorithmParameters::RSA(_) => TokenAlgorithm::Rs256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            TokenAlgorithm::Es256
        }
        _ => return None,
    };
    let common = &key.common;
    let named = common.key_algorithm;
    let is_its_own =
        named.is_none_or(|named| named == KeyAlgorithm::from(Algorithm::from(algorithm)));
    let usage = common.public_key_use.as_ref();
    let signs = usage.is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let operations = common.key_operations.as_ref();
    let verifies = operations.is_none_or(|known| known.contains(&KeyOperations::Verify));
    (is_its_own && signs && verifies).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOTH: [TokenAlgorithm; 2] = [TokenAlgorithm::Rs256, TokenAlgorithm::Es256];

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB" })
    }

    fn elliptic(id: &str) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": "AQ", "y": "AQ" })
    }

    fn with(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    /// Returns the sorted names of the parsed keys.
    fn read(keys: &[Value], algorithms: &[TokenAlgorithm]) -> Vec<KeyName> {
        let document = json!({ "keys": keys }).to_string();
        let set = KeySet::read(document.as_bytes(), algorithms).unwrap();
        let mut names: Vec<KeyName> = set.keys.into_keys().collect();
        names.sort_unstable_by_key(|(_, id)| id.clone());
        names
    }

    #[test]
    fn keys_are_identified_by_algorithm_and_id() {
        let keys = [rsa("1"), elliptic("2")];
        let (first, second) = (
            (TokenAlgorithm::Rs256, "1".to_owned()),
            (TokenAlgorithm::Es256, "2".to_owned()),
        );
        assert_eq!(read(&keys, &BOTH), [first, second.clone()]);
        assert_eq!(read(&keys, &[TokenAlgorithm::Es256]), [second]);
    }

    #[test]
    fn keys_that_are_not_for_verification_are_ignored() {
        let keys = [
            rsa("good"),
            with(rsa("good too"), "alg", json!("RS256")),
            with(rsa("and this"), "use", json!("sig")),
            with(rsa("encrypts"), "use", json!("enc")),
            with(rsa("signs"), "key_ops", json!(["sign"])),
            with(rsa("otherwise"), "alg", json!("RS384")),
            with(rsa("shared"), "alg", json!("HS256")),
            with(rsa("nameless"), "kid", Value::Null),
            with(elliptic("elsewhere"), "crv", json!("P-384")),
            with(elliptic("confused"), "alg", json!("RS256")),
            json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" }),
            json!({ "kty": "RSA", "kid": "halved", "n": "AQAB" }),
            with(rsa("garbled"), "n", json!("!")),
            json!("no key"),
        ];
        let names = read(&keys, &BOTH);
        let ids: Vec<&str> = names.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids, ["and this", "good", "good too"]);
    }

    #[test]
    fn malformed_key_sets_are_refused_and_large_ones_are_truncated() {
        for text in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
            assert!(KeySet::read(text.as_bytes(), &BOTH).is_err(), "{text}");
        }
        let many: Vec<Value> = (0..150).map(|id| rsa(&id.to_string())).collect();
        assert_eq!(read(&many, &BOTH).len(), MOST_KEYS);
    }
}
