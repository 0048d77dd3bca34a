//! The configuration of the token issuer.

use std::str::FromStr;
use std::time::Duration;

use jsonwebtoken::Algorithm;

/// The accepted signature algorithms. Shared secrets and unsigned tokens are never accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// RSA of 2048 bits or more, PKCS #1 version 1.5, SHA-256.
    Rs256,
    /// ECDSA on P-256, SHA-256.
    Es256,
}

/// The error for an unsupported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be RS256 or ES256")]
pub struct UnknownAlgorithm;

impl FromStr for TokenAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            _ => Err(UnknownAlgorithm),
        }
    }
}

impl From<TokenAlgorithm> for Algorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::Rs256 => Self::RS256,
            TokenAlgorithm::Es256 => Self::ES256,
        }
    }
}

/// The meaning of `orders:write` in a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrdersWrite {
    /// Placing and paying orders.
    #[default]
    Alone,
    /// Also cancelling and refunding orders, as before these had their own scopes.
    IncludesCancelAndRefund,
}

/// The issuer whose tokens are accepted, and the requirements of a token.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The exact `iss` of tokens, which is also the base URL of the issuer's metadata.
    pub issuer: String,
    /// The audience that `aud` must include.
    pub audience: String,
    /// The URL of the keys. `None` takes it from the issuer's metadata.
    pub keys_url: Option<String>,
    /// The accepted signature algorithms.
    pub algorithms: Vec<TokenAlgorithm>,
    /// The claim that contains the tenant.
    pub tenant_claim: String,
    /// The meaning of `orders:write`.
    pub orders_write: OrdersWrite,
    /// Age at which keys are fetched again in the background.
    pub keys_good_for: Duration,
    /// Minimum interval between fetches of keys, even if tokens with unknown keys arrive.
    pub fetch_at_most_every: Duration,
    /// Maximum wait for an answer of the issuer.
    pub timeout: Duration,
}
