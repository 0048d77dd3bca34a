//! The header `Stripe-Signature: t=…,v1=…`: HMAC-SHA256 over the timestamp, a full stop and the
//! body, with the endpoint's whole secret (`whsec_` included) as the key. Every try has its own
//! timestamp. Source: <https://docs.stripe.com/webhooks#verify-manually>.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// Whether the receiver should believe the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signing {
    /// Signed as Stripe does.
    #[default]
    Valid,
    /// Signed with another secret than the endpoint's.
    Wrong,
    /// Signed with the right secret, but long ago.
    Stale,
}

const OTHER_SECRET: &str = "whsec_not_the_secret_of_this_endpoint";
/// Far beyond the tolerance of Stripe's libraries, which is five minutes.
const STALE_BY_SECONDS: i64 = 60 * 60;

/// The header's value.
pub(crate) fn header(secret: &str, signing: Signing, now: i64, body: &str) -> String {
    let (secret, timestamp) = match signing {
        Signing::Valid => (secret, now),
        Signing::Wrong => (OTHER_SECRET, now),
        Signing::Stale => (secret, now - STALE_BY_SECONDS),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("HMAC accepts a key of any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let digest = hex::encode(mac.finalize().into_bytes());
    format!("t={timestamp},v1={digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"id":"evt_1"}"#;

    fn signed(signing: Signing) -> String {
        header("whsec_test", signing, 1_790_000_000, BODY)
    }

    #[test]
    fn the_timestamp_and_the_body_are_signed_with_the_secret() {
        // Computed with Python's hmac module.
        let digest = "e32657f3e678d33b41ec084c16ac0e125d25480a06cb3902286dc5942c6fd259";
        assert_eq!(signed(Signing::Valid), format!("t=1790000000,v1={digest}"));
    }

    #[test]
    fn a_forgery_has_another_digest_and_a_stale_one_an_old_timestamp() {
        let wrong = signed(Signing::Wrong);
        assert!(wrong.starts_with("t=1790000000,v1=") && wrong != signed(Signing::Valid));
        assert_eq!(
            signed(Signing::Stale),
            header("whsec_test", Signing::Valid, 1_790_000_000 - 3_600, BODY)
        );
    }
}
