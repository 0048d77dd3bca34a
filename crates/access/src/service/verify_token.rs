//! Verifies the tokens of an OIDC issuer: JSON Web Tokens (RFC 7519), with the keys that the issuer publishes.

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

/// Maximum length of a token. Longer ones are refused without being parsed.
const MOST_BYTES: usize = 16 * 1024;

/// Tolerated difference between the issuer's clock and ours.
const LEEWAY_S: u64 = 30;

/// An issuer whose tokens are accepted.
pub struct Issuer {
    algorithms: Vec<TokenAlgorithm>,
    tenant_claim: String,
    orders_write: OrdersWrite,
    /// A template, in which the algorithm is replaced with that of each token.
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
    /// Creates an issuer without making a request. Must be called inside the tokio runtime in which keys will be
    /// fetched.
    ///
    /// # Errors
    /// If a URL is invalid.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
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

    /// Verifies a token, and returns its credential.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] if the token is not valid, or [`AccessError::IssuerUnavailable`] if it can't be
    /// verified.
    pub async fn verify(&self, token: &str) -> Result<Credential, AccessError> {
        let claims = self.claims(token).await?;
        token_claims::credential(&claims, &self.tenant_claim, self.orders_write)
            .map_err(AccessError::Unknown)
    }

    /// Verifies an ID token as [`verify`](Self::verify) does, which must have this nonce.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub(crate) async fn verify_with_nonce(
        &self,
        token: &str,
        nonce: &str,
    ) -> Result<Credential, AccessError> {
        let claims = self.claims(token).await?;
        if claims.get("nonce").and_then(serde_json::Value::as_str) != Some(nonce) {
            return Err(AccessError::Unknown(
                "the token was made for another sign-in",
            ));
        }
        token_claims::credential(&claims, &self.tenant_claim, self.orders_write)
            .map_err(AccessError::Unknown)
    }

    async fn claims(&self, token: &str) -> Result<Claims, AccessError> {
        if token.len() > MOST_BYTES {
            return Err(AccessError::Unknown("the token is too long"));
        }
        let header = decode_header(token).map_err(|error| refused(&error))?;
        let algorithm = self.algorithm_of(&header)?;
        let id = header.kid;
        let id = id.ok_or(AccessError::Unknown("the token has no key ID"))?;
        let key = self.keys.find(&(algorithm, id)).await?;
        let key = key.ok_or(AccessError::Unknown("the token's key is unknown"))?;
        let mut validation = self.validation.clone();
        validation.algorithms = vec![algorithm.into()];
        let token = decode::<Claims>(token, &key, &validation);
        let token = token.map_err(|error| refused(&error))?;
        Ok(token.claims)
    }

    fn algorithm_of(&self, header: &Header) -> Result<TokenAlgorithm, AccessError> {
        if header.crit.is_some() {
            // RFC 7515, section 4.1.11: a recipient that doesn't understand critical headers must reject the token.
            return Err(AccessError::Unknown("the token has critical headers"));
        }
        let mut allowed = self.algorithms.iter().copied();
        let found = allowed.find(|allowed| Algorithm::from(*allowed) == header.alg);
        found.ok_or(AccessError::Unknown(
            "the token's algorithm is not accepted",
        ))
    }
}

/// Describes why a token is refused, for the log, without quoting the token.
fn refused(error: &Error) -> AccessError {
    AccessError::Unknown(match error.kind() {
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidIssuer => "the token is from another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks a required claim",
        _ => "it is neither an API key nor a token",
    })
}
