//! Fetches the keys of an issuer from a configured URL, or from the one in its metadata (OpenID Connect Discovery 1.0,
//! section 4).

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, redirect};
use serde::Deserialize;

/// Metadata is about 5 kB, a key set with certificates about 10 kB.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The error for invalid issuer settings.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIssuer {
    /// The issuer is not an http or https URL, or it has a query.
    #[error("the issuer is not an http or https URL without a query")]
    Issuer,
    /// The keys URL is not an http or https URL.
    #[error("the URL of the issuer's keys is not an http or https URL")]
    KeysUrl,
    /// The HTTP client could not be created, for example because there are no root certificates.
    #[error("can't create an HTTP client for the issuer")]
    Client(#[source] reqwest::Error),
}

/// Why the keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("{0} answered {1}")]
    Status(Url, StatusCode),
    #[error("{0} answered more than 256 kB")]
    TooLarge(Url),
    #[error("{0} is malformed")]
    Document(&'static str, #[source] serde_json::Error),
    /// Section 4.3: a server that impersonates the metadata URL must not become the issuer.
    #[error("the metadata names another issuer")]
    OtherIssuer,
    #[error("the metadata has no usable URL of keys")]
    KeysUrl,
    #[error("the metadata has no usable URLs for signing in")]
    SignInUrl,
}

/// A client for the keys of an issuer.
pub(crate) struct IssuerKeys {
    client: Client,
    issuer: String,
    source: Source,
}

enum Source {
    Keys(Url),
    Metadata(Url),
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl IssuerKeys {
    /// Creates a client without making a request.
    pub(crate) fn new(
        issuer: &str,
        keys_url: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, InvalidIssuer> {
        let metadata = metadata_url(issuer).ok_or(InvalidIssuer::Issuer)?;
        let source = match keys_url {
            Some(url) => Source::Keys(http_url(url).ok_or(InvalidIssuer::KeysUrl)?),
            None => Source::Metadata(metadata),
        };
        let mut client = Client::builder()
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none());
        let (Source::Keys(url) | Source::Metadata(url)) = &source;
        if url.scheme() == "http" {
            // A machine without root certificates can still use a local issuer.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(InvalidIssuer::Client)?,
            issuer: issuer.to_owned(),
            source,
        })
    }

    /// Fetches the currently published key set.
    pub(crate) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        match &self.source {
            Source::Keys(url) => self.get(url).await,
            Source::Metadata(url) => {
                let metadata = self.get(url).await?;
                let metadata: Metadata = serde_json::from_slice(&metadata)
                    .map_err(|error| FetchError::Document("the metadata", error))?;
                if metadata.issuer != self.issuer {
                    return Err(FetchError::OtherIssuer);
                }
                let keys = http_url(&metadata.jwks_uri);
                // Metadata that came over TLS must not lead to keys without TLS.
                let keys = keys.filter(|keys| keys.scheme() == url.scheme());
                self.get(&keys.ok_or(FetchError::KeysUrl)?).await
            }
        }
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client.get(url.clone()).send().await?;
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

pub(super) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Appends the well-known path to the issuer's path, which loses its trailing slash.
pub(super) fn metadata_url(issuer: &str) -> Option<Url> {
    let mut url = http_url(issuer)?;
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty()
        .extend([".well-known", "openid-configuration"]);
    drop(path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_url_ignores_a_trailing_slash_of_the_issuer() {
        let url = |issuer: &str| metadata_url(issuer).map(String::from);
        for (issuer, expected) in [
            (
                "https://id.example",
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "https://id.example/",
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "http://id:8080/realms/shop",
                "http://id:8080/realms/shop/.well-known/openid-configuration",
            ),
            (
                "http://id:8080/realms/shop/",
                "http://id:8080/realms/shop/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(url(issuer).as_deref(), Some(expected));
        }
        for bad in [
            "",
            "id.example",
            "ftp://id.example",
            "https://id.example?x=1",
            "https://id.example#x",
        ] {
            assert_eq!(url(bad), None, "{bad}");
        }
    }
}
