//! Signs in to the console at an identity provider.

use std::fmt;
use std::net::IpAddr;

use oms_database::{boxed, register_tenant, transaction};
use secrecy::{ExposeSecret, SecretString};

use super::begin_session::begin_session;
use super::sign_in::count_attempt;
use super::verify_token::Issuer;
use crate::adapters::issuer_keys::{FetchError, InvalidIssuer};
use crate::adapters::provider_endpoints::ProviderEndpoints;
use crate::context::SessionsContext;
use crate::domain::issuer::IssuerSettings;
use crate::domain::provider::Awaited;
use crate::domain::session::NewSession;
use crate::error::AccessError;

/// The settings of an [`IdentityProvider`].
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The issuer, whose ID tokens are verified as its access tokens are, with the client's ID as their audience.
    pub issuer: IssuerSettings,
    /// The ID under which the console is registered there.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<SecretString>,
    /// Where the browser comes back to.
    pub redirect_uri: String,
}

/// An identity provider at which operators sign in.
pub struct IdentityProvider {
    issuer: Issuer,
    endpoints: ProviderEndpoints,
    client_id: String,
    client_secret: Option<SecretString>,
    redirect_uri: String,
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl IdentityProvider {
    /// Creates it without making a request. Must be called inside the tokio runtime in which keys will be fetched.
    ///
    /// # Errors
    /// If a URL is invalid.
    pub fn new(settings: ProviderSettings) -> Result<Self, InvalidIssuer> {
        let ProviderSettings {
            issuer,
            client_id,
            client_secret,
            redirect_uri,
        } = settings;
        Ok(Self {
            endpoints: ProviderEndpoints::new(&issuer.issuer, issuer.timeout)?,
            issuer: Issuer::new(IssuerSettings {
                audience: client_id.clone(),
                ..issuer
            })?,
            client_id,
            client_secret,
            redirect_uri,
        })
    }

    /// The address to which the browser is sent, and what it keeps meanwhile.
    ///
    /// # Errors
    /// [`AccessError::IssuerUnavailable`]
    pub async fn begin(&self) -> Result<(String, Awaited), AccessError> {
        let endpoints = self.endpoints.endpoints().await.map_err(unavailable)?;
        let awaited = Awaited::generate();
        let mut address = endpoints.authorization.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "openid")
            .append_pair("state", &awaited.state)
            .append_pair("nonce", &awaited.nonce)
            .append_pair("code_challenge", &awaited.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok((address.into(), awaited))
    }

    async fn exchange(&self, code: &str, awaited: &Awaited) -> Result<String, AccessError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", awaited.verifier.as_str()),
        ];
        let secret = self.client_secret.as_ref();
        let secret = secret.map(|secret| (self.client_id.as_str(), secret.expose_secret()));
        let token = self
            .endpoints
            .exchange(&form, secret)
            .await
            .map_err(unavailable)?;
        token.ok_or(AccessError::Unknown(
            "the identity provider refused the code",
        ))
    }
}

fn unavailable(error: FetchError) -> AccessError {
    AccessError::IssuerUnavailable(Box::new(error))
}

/// Begins a session with the tenant, the subject and the scopes of the ID token for which the code is exchanged.
///
/// # Errors
/// [`AccessError::Unknown`] if the state is not that of this browser, or the code or the token is refused,
/// [`AccessError::TooOften`], [`AccessError::IssuerUnavailable`], or the database's error.
#[boxed]
pub async fn sign_in_at_provider(
    context: &SessionsContext,
    provider: &IdentityProvider,
    address: Option<IpAddr>,
    awaited: &Awaited,
    (code, state): (&str, &str),
) -> Result<NewSession, AccessError> {
    count_attempt(context, address)?;
    if state != awaited.state {
        return Err(AccessError::Unknown("the state is that of another browser"));
    }
    let token = provider.exchange(code, awaited).await?;
    let credential = provider
        .issuer
        .verify_with_nonce(&token, &awaited.nonce)
        .await?;
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        register_tenant(connection, credential.tenant.as_uuid()).await?;
        begin_session(connection, credential, None).await
    })
    .await
}
