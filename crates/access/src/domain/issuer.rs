//! The issuer whose tokens are accepted, as it is configured.

use std::str::FromStr;
use std::time::Duration;

use jsonwebtoken::Algorithm;

/// How a token may be signed: never by a secret that is shared, and never not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// RSA of 2048 bits or more, PKCS #1 version 1.5, SHA-256.
    Rs256,
    /// ECDSA on P-256, SHA-256.
    Es256,
}

/// The text is not the name of an algorithm that tokens may have.
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

/// What `orders:write` in a token allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrdersWrite {
    /// Placing and paying orders.
    #[default]
    Alone,
    /// Cancelling and refunding orders too, as before these had scopes of their own.
    IncludesCancelAndRefund,
}

/// Whose tokens are taken, and what has to be in them.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// `iss` of the tokens, to the letter, and the URL below which the issuer's metadata is.
    pub issuer: String,
    /// What `aud` has to include.
    pub audience: String,
    /// Where the keys are; without it the issuer's metadata says so.
    pub keys_url: Option<String>,
    /// How tokens may be signed.
    pub algorithms: Vec<TokenAlgorithm>,
    /// The claim that names the store.
    pub tenant_claim: String,
    /// What `orders:write` allows.
    pub orders_write: OrdersWrite,
    /// How long keys are used before they are asked for again, meanwhile and without waiting.
    pub keys_good_for: Duration,
    /// The least time between two requests for keys, whoever presents tokens of unknown ones.
    pub fetch_at_most_every: Duration,
    /// Longest wait for an answer of the issuer.
    pub timeout: Duration,
}
