//! Verifies the tokens of an OIDC issuer: JSON Web Tokens (RFC 7519), by the keys that the issuer publishes.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};

use super::published_keys::PublishedKeys;
use crate::adapters::issuer_keys::{InvalidIssuer, IssuerKeys};
use crate::domain::credential::Credential;
use crate::domain::issuer::{IssuerSettings, OrdersWrite, TokenAlgorithm};
use crate::domain::signatures;
use crate::domain::token_claims::{self, Claims};
use crate::error::AccessError;

/// Longer ones are refused unread.
const MOST_BYTES: usize = 16 * 1024;

/// How far the issuer's clock and ours may be apart.
const LEEWAY_S: u64 = 30;

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
        token_claims::credential(&token.claims, &self.tenant_claim, self.orders_write)
            .map_err(AccessError::Unknown)
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
