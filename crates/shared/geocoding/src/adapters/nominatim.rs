//! A client for services with Nominatim's search API, <https://nominatim.org/release-docs/latest/api/Search/>:
//! Nominatim itself, or a compatible hosted service.

use std::time::Duration;

use async_trait::async_trait;
use oms_circuit_breaker::{BreakerConfig, BreakerError, CircuitBreaker};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::tenant_breakers::TenantBreakers;
use crate::{Address, Coordinates, GeocodeError, Geocoder, InvalidCoordinates};

/// The name of the breakers, in the log and in metrics.
const NAME: &str = "geocoder";

/// Maximum size of an answer. One place without its outline is about 1 kB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The address of the service and its time limits.
#[derive(Clone)]
pub struct NominatimConfig {
    /// The base URL, without `/search`. A query, such as a key, is kept in requests.
    pub url: String,
    /// The user agent. The usage policy of the public servers requires it to identify the application.
    pub user_agent: String,
    /// Maximum wait for a connection.
    pub connect_timeout: Duration,
    /// Maximum wait for the whole answer, including the connection.
    pub timeout: Duration,
    /// The settings of the circuit breakers.
    pub breaker: BreakerConfig,
}

impl NominatimConfig {
    /// Returns the defaults for a service at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user_agent: concat!("oms/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            breaker: BreakerConfig::default(),
        }
    }
}

/// The error for an invalid configuration.
#[derive(Debug, thiserror::Error)]
pub enum NominatimError {
    /// The URL is not an http or https URL. The error doesn't repeat it, because it may contain a key.
    #[error("the URL of the geocoding service is not an http or https URL")]
    Url,
    /// The HTTP client could not be created, for example because there are no root certificates.
    #[error("can't create an HTTP client for the geocoding service")]
    Client(#[source] reqwest::Error),
}

/// A client of the service. Failures are counted per tenant, so addresses on which the service fails affect only the
/// tenant that sends them.
pub struct Nominatim {
    client: Client,
    search: Url,
    /// The breakers that decide whether the service is called.
    breakers: TenantBreakers,
    /// A breaker that records the results of all tenants for reports, and refuses no call.
    overall: CircuitBreaker,
}

impl Nominatim {
    /// Creates a client without making a request.
    ///
    /// # Errors
    /// If the URL or the user agent is invalid.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
    pub fn new(config: &NominatimConfig) -> Result<Self, NominatimError> {
        let search = search_url(&config.url).ok_or(NominatimError::Url)?;
        let mut client = Client::builder()
            .user_agent(&config.user_agent)
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            // Addresses are sent only to the configured host.
            .redirect(redirect::Policy::none());
        if search.scheme() == "http" {
            // A machine without root certificates can still use a local service.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(NominatimError::Client)?,
            search,
            breakers: TenantBreakers::new(NAME, config.breaker),
            overall: CircuitBreaker::new(NAME, config.breaker),
        })
    }

    async fn search(&self, address: &Address) -> Result<Coordinates, GeocodeError> {
        let request = self.client.get(self.search.clone()).query(&[
            ("q", address.as_str()),
            ("format", "jsonv2"),
            ("limit", "1"),
        ]);
        let response = request.send().await.map_err(without_address)?;
        match response.status() {
            StatusCode::OK => first_place(&read(response).await?),
            // The service can't parse the search text.
            StatusCode::BAD_REQUEST
            | StatusCode::URI_TOO_LONG
            | StatusCode::UNPROCESSABLE_ENTITY => Err(GeocodeError::NotFound),
            // Some services answer 404 for an unknown address. The answer for a wrong path has another body.
            StatusCode::NOT_FOUND => match is_error_object(&read(response).await?) {
                true => Err(GeocodeError::NotFound),
                false => Err(unavailable("the service answered 404 Not Found".to_owned())),
            },
            status => Err(unavailable(format!("the service answered {status}"))),
        }
    }
}

#[async_trait]
impl Geocoder for Nominatim {
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        let guarded = async {
            let located = self.search(address).await;
            self.report(&located).await;
            located
        };
        let located = self.breakers.of(tenant).call(is_of_service, guarded).await;
        located.map_err(|error| match error {
            BreakerError::Refused => unavailable("the circuit breaker is open".to_owned()),
            BreakerError::Inner(error) => error,
        })
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        Some(&self.overall)
    }
}

impl Nominatim {
    async fn report(&self, located: &Result<Coordinates, GeocodeError>) {
        let failed = located.as_ref().is_err_and(is_of_service);
        let result = async { if failed { Err(()) } else { Ok(()) } };
        // During a cool-down the breaker ignores results, which is fine.
        let _ = self.overall.call(|()| true, result).await;
    }
}

/// Whether a failure concerns the service and not just one address.
fn is_of_service(error: &GeocodeError) -> bool {
    match error {
        GeocodeError::NotFound | GeocodeError::TooManyLookUps { .. } => false,
        GeocodeError::Unavailable(cause) => !cause.is::<InvalidCoordinates>(),
    }
}

fn is_error_object(body: &[u8]) -> bool {
    let body: Result<serde_json::Value, _> = serde_json::from_slice(body);
    body.is_ok_and(|body| body.get("error").is_some())
}

fn search_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().push("search");
    Some(url)
}

async fn read(mut response: Response) -> Result<Vec<u8>, GeocodeError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_address)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(unavailable(format!(
                "the answer has more than {MAX_BODY_BYTES} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A place in the answer, with degrees as text.
#[derive(Deserialize)]
struct Place {
    lat: String,
    lon: String,
}

fn first_place(body: &[u8]) -> Result<Coordinates, GeocodeError> {
    // The cause is dropped, because it may quote the body, which contains the address.
    let places: Vec<Place> = serde_json::from_slice(body)
        .map_err(|_| unavailable("the answer is not a list of places".to_owned()))?;
    let place = places.first().ok_or(GeocodeError::NotFound)?;
    let degrees = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    Coordinates::new(degrees(&place.lat), degrees(&place.lon))
        .map_err(|error| GeocodeError::Unavailable(error.into()))
}

fn unavailable(cause: String) -> GeocodeError {
    GeocodeError::Unavailable(cause.into())
}

/// Strips the URL from an error, because it contains the address.
fn without_address(error: reqwest::Error) -> GeocodeError {
    GeocodeError::Unavailable(error.without_url().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_url_keeps_the_path_and_the_query() {
        let url = |base: &str| search_url(base).map(String::from);
        assert_eq!(
            url("http://h:8080").as_deref(),
            Some("http://h:8080/search")
        );
        assert_eq!(
            url("https://h/v1/?key=k").as_deref(),
            Some("https://h/v1/search?key=k")
        );
        assert_eq!(url("ftp://h"), None);
        assert_eq!(url("h:80"), None);
    }

    #[test]
    fn answers_are_parsed_in_nominatim_s_format() {
        let good =
            br#"[{"place_id": 1, "lat": "33.7578", "lon": "-84.3876", "display_name": "x"}]"#;
        let atlanta = Coordinates::new(33.7578, -84.3876).unwrap();
        assert_eq!(first_place(good).unwrap(), atlanta);
        assert!(matches!(first_place(b"[]"), Err(GeocodeError::NotFound)));
        for bad in [
            "",
            "<html>",
            r#"{"error": "x"}"#,
            r#"[{"lat": "91", "lon": "0"}]"#,
            r#"[{"lat": "NaN", "lon": "0"}]"#,
            r#"[{"lat": "x", "lon": "0"}]"#,
        ] {
            let read = first_place(bad.as_bytes());
            assert!(matches!(read, Err(GeocodeError::Unavailable(_))), "{bad}");
        }
    }
}
