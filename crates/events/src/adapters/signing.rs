//! Signatures of webhooks: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ring::{error, hmac};

use crate::domain::webhooks::endpoint::Signing;

/// Length of a secret: a key of HMAC-SHA256, or the seed of an ed25519 key pair.
pub(crate) const SECRET_BYTES: usize = 32;

/// The secret of an endpoint.
pub(crate) struct SigningSecret {
    key: Key,
    bytes: [u8; SECRET_BYTES],
}

enum Key {
    Hmac(hmac::Key),
    Ed25519(Ed25519KeyPair),
}

impl SigningSecret {
    /// A new random secret.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn generate(signing: Signing) -> Result<Self, error::Unspecified> {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes)?;
        Self::from_bytes(signing, &bytes)
    }

    /// The secret with these bytes.
    ///
    /// # Errors
    /// If there are not 32, or only a newer version of the program knows the way of signing.
    pub(crate) fn from_bytes(signing: Signing, bytes: &[u8]) -> Result<Self, error::Unspecified> {
        let bytes: [u8; SECRET_BYTES] = bytes.try_into().map_err(|_| error::Unspecified)?;
        let key = match signing {
            Signing::Hmac => Key::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
            Signing::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&bytes);
                Key::Ed25519(pair.map_err(|_| error::Unspecified)?)
            }
            Signing::Other(_) => return Err(error::Unspecified),
        };
        Ok(Self { key, bytes })
    }

    /// The bytes, to be stored sealed.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.bytes
    }

    /// What the receiver verifies with: `whsec_…`, which is secret, or `whpk_…`, which is not.
    #[must_use]
    pub(crate) fn verification_key(&self) -> String {
        match &self.key {
            Key::Hmac(_) => format!("whsec_{}", STANDARD.encode(self.bytes)),
            Key::Ed25519(pair) => {
                format!("whpk_{}", STANDARD.encode(pair.public_key().as_ref()))
            }
        }
    }

    /// The signature of one try to deliver a webhook.
    fn sign(&self, content: &[u8]) -> String {
        match &self.key {
            Key::Hmac(key) => format!("v1,{}", STANDARD.encode(hmac::sign(key, content))),
            Key::Ed25519(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(content))),
        }
    }
}

/// The header `webhook-signature`: a signature by each secret that is valid during a rotation. `timestamp` is the time
/// of the try, in seconds of the Unix epoch.
#[must_use]
pub(crate) fn signature_header(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&content)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "evt_018f3c2a7b4e7c3d9a1b2c3d4e5f6071_2";
    const BODY: &[u8] = br#"{"type":"order.paid","data":{}}"#;

    fn headers(signature: &str, timestamp: i64) -> [(&'static str, String); 3] {
        [
            ("webhook-id", ID.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature.to_owned()),
        ]
    }

    /// The vector of the specification's own libraries.
    #[test]
    fn the_published_vector_has_our_signature() {
        let key = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let content = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let signature = STANDARD.encode(hmac::sign(&key, content));
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_library_of_standard_webhooks_accepts_our_signatures_and_we_make_the_same() {
        let secret = SigningSecret::generate(Signing::Hmac).expect("random numbers");
        let library = standardwebhooks::Webhook::new(&secret.verification_key()).expect("a key");
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970");
        let now = now.as_secs().cast_signed();
        let secrets = [
            SigningSecret::from_bytes(Signing::Hmac, &[7; 32]).unwrap(),
            secret,
        ];
        let signature = signature_header(&secrets, ID, now, BODY);
        let mut map = http::HeaderMap::new();
        for (name, value) in headers(&signature, now) {
            map.insert(name, value.parse().expect("a header"));
        }
        assert!(library.verify(BODY, &map).is_ok());
        assert!(library.verify(b"{}", &map).is_err());
        let theirs = library.sign(ID, now, BODY).expect("a signature");
        assert!(signature.ends_with(&theirs));
    }

    /// The vectors of `tests/webhook-signatures.json`, which the tests of the TypeScript client check too.
    #[test]
    fn every_shared_vector_has_our_signature_and_that_of_the_library() {
        let shared = include_str!("../../tests/webhook-signatures.json");
        let shared: serde_json::Value = serde_json::from_str(shared).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let vectors = shared["vectors"].as_array().expect("a list");
        assert!(vectors.len() >= 4);
        for (name, signing) in [("hmac", Signing::Hmac), ("ed25519", Signing::Ed25519)] {
            let bytes = STANDARD
                .decode(text(&shared[name]["secret"]))
                .expect("base64");
            for vector in vectors {
                let secret = SigningSecret::from_bytes(signing, &bytes).expect("a secret");
                let key = secret.verification_key();
                assert_eq!(key, text(&shared[name]["verificationKey"]));
                let (id, body) = (text(&vector["id"]), text(&vector["body"]));
                let timestamp = vector["timestamp"].as_i64().expect("a number");
                let ours = signature_header(&[secret], &id, timestamp, body.as_bytes());
                assert_eq!(ours, text(&vector[name]), "{}", vector["name"]);
                if signing == Signing::Hmac {
                    let library = standardwebhooks::Webhook::new(&key).expect("a key");
                    let theirs = library.sign(&id, timestamp, body.as_bytes());
                    assert_eq!(theirs.expect("a signature"), ours);
                }
            }
        }
    }

    #[test]
    fn a_public_key_verifies_what_its_secret_signed() {
        let secret = SigningSecret::generate(Signing::Ed25519).expect("random numbers");
        let public = secret.verification_key();
        let public = public.strip_prefix("whpk_").expect("a public key");
        let public = STANDARD.decode(public).expect("base64");
        let signature = signature_header(&[secret], ID, 1_700_000_000, BODY);
        let signature = signature.strip_prefix("v1a,").expect("a signature");
        let signature = STANDARD.decode(signature).expect("base64");
        let content = [format!("{ID}.1700000000.").as_bytes(), BODY].concat();
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public);
        assert!(key.verify(&content, &signature).is_ok());
        assert!(key.verify(b"another", &signature).is_err());
    }
}
