//! Tokens of an OIDC issuer: JSON Web Tokens (RFC 7519), verified by the keys that the issuer publishes.

mod claims;
mod key_set;
mod published_keys;
mod signatures;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};

use crate::adapters::IssuerKeys;
use crate::{AccessError, Credential};
use claims::Claims;
use published_keys::PublishedKeys;

/// Longer ones are refused unread.
const MOST_BYTES: usize = 16 * 1024;

/// How far the issuer's clock and ours may be apart.
const LEEWAY_S: u64 = 30;

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

/// Settings that no issuer can be made of.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIssuer {
    /// No http or https URL, or one with a query.
    #[error("the issuer is not an http or https URL without a query")]
    Issuer,
    /// No http or https URL.
    #[error("the URL of the issuer's keys is not an http or https URL")]
    KeysUrl,
    /// The HTTP client could not be made, for want of root certificates, say.
    #[error("can't make an HTTP client for the issuer")]
    Client(#[source] reqwest::Error),
}

/// An issuer whose tokens are taken.
pub struct Issuer {
    algorithms: Vec<TokenAlgorithm>,
    tenant_claim: String,
    orders_write: OrdersWrite,
    /// With any algorithm; each token's own is put in its place.
    validation: Validation,
    keys: Arc<PublishedKeys>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issuer", &self.validation.iss)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    /// Asks nothing yet. Has to be called inside the tokio runtime in which the issuer shall be asked.
    ///
    /// # Errors
    /// When a URL can't be used.
    ///
    /// # Panics
    /// When the program has installed no rustls crypto provider.
    pub fn new(settings: IssuerSettings) -> Result<Self, InvalidIssuer> {
        signatures::install();
        let source = IssuerKeys::new(
            &settings.issuer,
            settings.keys_url.as_deref(),
            settings.timeout,
        )?;
        let mut validation = Validation {
            leeway: LEEWAY_S,
            validate_nbf: true,
            ..Validation::default()
        };
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Ok(Self {
            keys: PublishedKeys::new(source, &settings),
            algorithms: settings.algorithms,
            tenant_claim: settings.tenant_claim,
            orders_write: settings.orders_write,
            validation,
        })
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] when it is none that is taken, or [`AccessError::IssuerUnavailable`] when that can't be found
    /// out.
    pub async fn verify(&self, token: &str) -> Result<Credential, AccessError> {
        if token.len() > MOST_BYTES {
            return Err(AccessError::Unknown("the token is too long"));
        }
        let header = decode_header(token).map_err(|error| refused(&error))?;
        let algorithm = self.algorithm_of(&header)?;
        let id = header.kid;
        let id = id.ok_or(AccessError::Unknown("the token names no key"))?;
        let key = self.keys.find(&(algorithm, id)).await?;
        let key = key.ok_or(AccessError::Unknown("the token's key is not known"))?;
        let mut validation = self.validation.clone();
        validation.algorithms = vec![algorithm.into()];
        let token = decode::<Claims>(token, &key, &validation);
        let token = token.map_err(|error| refused(&error))?;
        claims::credential(&token.claims, &self.tenant_claim, self.orders_write)
    }

    fn algorithm_of(&self, header: &Header) -> Result<TokenAlgorithm, AccessError> {
        if header.crit.is_some() {
            // RFC 7515, section 4.1.11: whoever does not understand it has to refuse.
            return Err(AccessError::Unknown("the token has critical headers"));
        }
        let mut allowed = self.algorithms.iter().copied();
        let found = allowed.find(|allowed| Algorithm::from(*allowed) == header.alg);
        found.ok_or(AccessError::Unknown("the token is signed in another way"))
    }
}

/// Why a token is not taken, in words for the log, which repeat nothing of it.
fn refused(error: &Error) -> AccessError {
    AccessError::Unknown(match error.kind() {
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not good yet",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks a claim that it has to have",
        _ => "it is neither an API key nor a token",
    })
}
