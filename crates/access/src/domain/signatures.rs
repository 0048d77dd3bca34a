//! Verification of token signatures with *ring*, which TLS uses as well. Nothing is signed here.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// The crypto provider of `jsonwebtoken`. It refuses all but two algorithms, in particular those with a shared secret.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes `jsonwebtoken` use *ring* in this process. Repeating it has no effect.
pub(crate) fn install() {
    let _ = RING.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let (n, e) = (n.clone(), e.clone());
            Ok(Box::new(Rs256(RsaPublicKeyComponents { n, e })))
        }
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.clone());
            Ok(Box::new(Es256(key)))
        }
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

struct Rs256(RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        // This algorithm refuses keys shorter than 2048 bits.
        let verified = self
            .0
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature);
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Es256(UnparsedPublicKey<Vec<u8>>);

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = self.0.verify(message, signature);
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;

    use super::*;

    /// The payload of every example in appendix A of RFC 7515.
    const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// Appendix A.2 of RFC 7515.
    fn rsa() -> (String, &'static str, DecodingKey) {
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let key = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
        (format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"), signature, key)
    }

    /// Appendix A.3 of RFC 7515.
    fn elliptic() -> (String, &'static str, DecodingKey) {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let key = DecodingKey::from_ec_components(x, y).unwrap();
        (format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"), signature, key)
    }

    #[test]
    fn the_example_signatures_of_the_rfc_verify_and_altered_ones_do_not() {
        install();
        for (algorithm, (message, signature, key)) in
            [(Algorithm::RS256, rsa()), (Algorithm::ES256, elliptic())]
        {
            let is_good = |message: &str, signature: &str| {
                verify(signature, message.as_bytes(), &key, algorithm).unwrap()
            };
            assert!(is_good(&message, signature), "{algorithm:?}");
            assert!(!is_good(&message[1..], signature), "{algorithm:?}");
            let altered = format!("A{}", &signature[1..]);
            assert!(!is_good(&message, &altered), "{algorithm:?}");
            assert!(!is_good(&message, ""), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_verifies_only_with_its_own_algorithm() {
        install();
        let (message, signature, rsa) = rsa();
        let (_, _, elliptic) = elliptic();
        let secret = DecodingKey::from_secret(b"secret");
        for (algorithm, key) in [
            (Algorithm::ES256, &rsa),
            (Algorithm::RS256, &elliptic),
            (Algorithm::RS256, &secret),
            (Algorithm::HS256, &secret),
            (Algorithm::HS256, &rsa),
            (Algorithm::RS384, &rsa),
            (Algorithm::PS256, &rsa),
        ] {
            let verified = verify(signature, message.as_bytes(), key, algorithm);
            assert!(verified.is_err(), "{algorithm:?} {key:?}");
        }
    }
}
