//! The identity provider's endpoints for signing in: where the browser is sent, and where a code becomes a token.

use std::time::Duration;

use oms_database::boxed;
use reqwest::{Client, StatusCode, Url, redirect};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::issuer_keys::{FetchError, InvalidIssuer, http_url, metadata_url};

/// Maximum size of metadata and of an answer with tokens.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// A client of the endpoints.
pub(crate) struct ProviderEndpoints {
    client: Client,
    issuer: String,
    metadata: Url,
    found: OnceCell<Endpoints>,
}

/// The endpoints, as the metadata names them.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) authorization: Url,
    token: Url,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl ProviderEndpoints {
    /// Creates a client without making a request.
    pub(crate) fn new(issuer: &str, timeout: Duration) -> Result<Self, InvalidIssuer> {
        let metadata = metadata_url(issuer).ok_or(InvalidIssuer::Issuer)?;
        let mut client = Client::builder()
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none());
        if metadata.scheme() == "http" {
            // A machine without root certificates can still use a local issuer.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(InvalidIssuer::Client)?,
            issuer: issuer.to_owned(),
            metadata,
            found: OnceCell::new(),
        })
    }

    /// The endpoints. They are fetched once.
    pub(crate) async fn endpoints(&self) -> Result<&Endpoints, FetchError> {
        self.found.get_or_try_init(|| self.fetch()).await
    }

    #[boxed]
    async fn fetch(&self) -> Result<Endpoints, FetchError> {
        let body = self
            .read(self.client.get(self.metadata.clone()), &self.metadata)
            .await?;
        let metadata: Metadata = serde_json::from_slice(&body)
            .map_err(|error| FetchError::Document("the metadata", error))?;
        if metadata.issuer != self.issuer {
            return Err(FetchError::OtherIssuer);
        }
        // Metadata that came over TLS must not lead to endpoints without TLS.
        let endpoint =
            |text: &str| http_url(text).filter(|url| url.scheme() == self.metadata.scheme());
        let authorization = endpoint(&metadata.authorization_endpoint);
        let token = endpoint(&metadata.token_endpoint);
        Ok(Endpoints {
            authorization: authorization.ok_or(FetchError::SignInUrl)?,
            token: token.ok_or(FetchError::SignInUrl)?,
        })
    }

    /// Exchanges a code for an ID token. `None` if the identity provider refuses the code.
    pub(crate) async fn exchange(
        &self,
        form: &[(&str, &str)],
        secret: Option<(&str, &str)>,
    ) -> Result<Option<String>, FetchError> {
        let url = &self.endpoints().await?.token;
        let request = self.client.post(url.clone()).form(form);
        let request = match secret {
            Some((id, secret)) => request.basic_auth(id, Some(secret)),
            None => request,
        };
        match self.read(request, url).await {
            Ok(body) => {
                let tokens: Tokens = serde_json::from_slice(&body)
                    .map_err(|error| FetchError::Document("the answer with tokens", error))?;
                Ok(Some(tokens.id_token))
            }
            Err(FetchError::Status(_, status)) if status.is_client_error() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
    ) -> Result<Vec<u8>, FetchError> {
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(url.clone(), response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(FetchError::TooLarge(url.clone()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
