//! Admission control: refuses requests beyond the limits, authenticates the others, and passes the tenant on to the
//! endpoint.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_access::http::{act_for, announce, authorise, bearer_token};
use oms_access::{
    AccessError, Authenticator, AuthenticatorSettings, Credential, Issuer, KeyMode, RateLimits,
};
use oms_console::ClientAddress;
use oms_database::Database;
use oms_errors::{Problem, ROUTE_NOT_FOUND};
use oms_monitoring::metrics::{CounterSeries, Metrics, MetricsError};
use oms_validation::{Scopes, TenantId};
use oms_web::{Access, ProblemResponse};
use tracing::Span;
use tracing::field::display;

use crate::client_address::{TrustedProxies, came_through_a_proxy};
use crate::config::{Config, Environment, is_loopback};
use crate::in_flight::{InFlight, InFlightPlace};
use crate::metrics::sample;
use crate::request_span::resource_of;
use crate::routes::{MatchedRoute, is_listed, is_of_console};
use crate::webhook_places::{WebhookPlace, WebhookPlaces};

/// Maximum number of cached keys: about 2 MB.
const MOST_REMEMBERED: usize = 10_000;

/// Maximum number of credentials whose requests are counted: about 4 MB.
const MOST_COUNTED: usize = 100_000;

/// The checks that a request must pass before it reaches its endpoint.
pub(crate) struct Admission {
    authenticator: Authenticator,
    /// The credential of requests that send none. Development only.
    local: Option<Arc<Credential>>,
    tenant: TenantId,
    limits: Option<RateLimits>,
    /// Requests whose credential is known.
    in_flight: InFlight,
    /// Requests whose credential is being looked up. They may come from strangers, so they must not take the places of
    /// known clients.
    unidentified: InFlight,
    webhooks: WebhookPlaces,
    turned_away: TurnedAway,
    refused: RefusedCredentials,
    trusted_proxies: TrustedProxies,
}

/// A request's slot, held while it is in flight.
enum Place {
    Open,
    Webhook { _place: WebhookPlace },
    Known { _place: InFlightPlace },
}

/// Counts the requests that were refused because of a limit.
struct TurnedAway {
    overloaded: CounterSeries,
    unidentified: CounterSeries,
    rate_limited: CounterSeries,
}

impl TurnedAway {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Requests refused before they did any work: `overloaded` exceeded OMS_MAX_IN_FLIGHT, `unidentified` OMS_MAX_UNIDENTIFIED_IN_FLIGHT, `rate_limited` the rate limit of their credential.";
        let count = metrics.counter("oms_http_turned_away_total", help, &["reason"])?;
        Ok(Self {
            overloaded: count.series(&["overloaded"]),
            unidentified: count.series(&["unidentified"]),
            rate_limited: count.series(&["rate_limited"]),
        })
    }
}

/// Counts the requests whose credential is missing or unknown.
struct RefusedCredentials {
    missing: CounterSeries,
    unknown: CounterSeries,
}

impl RefusedCredentials {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Requests refused with 401: the credential is `missing`, or `unknown` to this installation.";
        let count = metrics.counter("oms_http_credentials_refused_total", help, &["reason"])?;
        Ok(Self {
            missing: count.series(&["missing"]),
            unknown: count.series(&["unknown"]),
        })
    }

    /// Counts and logs a refusal. The credential itself is not logged: it is a secret, perhaps of another system.
    fn count(&self, headers: &HeaderMap, error: &AccessError) {
        let AccessError::Unknown(reason) = error else {
            return;
        };
        match headers.contains_key(AUTHORIZATION) {
            true => self.unknown.increment(),
            false => self.missing.increment(),
        }
        tracing::warn!(reason, "credential refused");
    }
}

impl Admission {
    /// Builds the checks from the configuration. Must be called inside the tokio runtime.
    ///
    /// # Errors
    /// If the token issuer's settings are invalid, or the metrics are already registered.
    pub(crate) fn new(
        config: &Config,
        database: &Database,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let issuer = config.access.issuer.clone();
        let settings = AuthenticatorSettings {
            mode: key_mode(config),
            remember_for: config.access.remember_keys_for,
            most_remembered: MOST_REMEMBERED,
            issuer: issuer.map(Issuer::new).transpose()?,
        };
        let in_flight = InFlight::new(config.http.max_in_flight);
        let (help, count) = (
            "Requests in flight, excluding health checks.",
            in_flight.count(),
        );
        metrics.gauge_from("oms_http_requests_in_flight", help, &[], move || {
            sample(count() as u64)
        })?;
        Ok(Self {
            authenticator: Authenticator::new(database.clone(), settings),
            local: local(config),
            tenant: config.tenant,
            limits: config
                .access
                .rate_limit
                .map(|limit| RateLimits::new(limit, MOST_COUNTED)),
            in_flight,
            unidentified: InFlight::new(config.http.max_unidentified),
            webhooks: WebhookPlaces::new(config.http.max_webhooks),
            turned_away: TurnedAway::register(metrics)?,
            refused: RefusedCredentials::register(metrics)?,
            trusted_proxies: config.access.trusted_proxies.clone(),
        })
    }

    /// Admits or refuses a request before any of its body is read. The caller keeps the place while the request is in
    /// flight.
    async fn check(&self, request: &mut ServiceRequest, access: Access) -> Result<Place, Problem> {
        let span = Span::current();
        if let Some(client) = self.trusted_proxies.client_of(request.request()) {
            span.record("client", display(client));
        }
        match access {
            Access::Open => Ok(Place::Open),
            Access::Signed => {
                act_for(request, self.tenant);
                let _place = self.webhooks.enter(request);
                Ok(Place::Webhook { _place })
            }
            Access::Scope(scope) => {
                let credential = self.identify(request.headers()).await?;
                span.record("tenant", display(credential.tenant));
                span.record("credential", credential.name.as_str());
                let _place = self.enter()?;
                self.count(request, &credential)?;
                authorise(request, &credential, scope)?;
                self.authenticator.register(credential.tenant).await?;
                Ok(Place::Known { _place })
            }
        }
    }

    /// Admits or refuses a request of the console, which authenticates it itself, and passes on the client's address.
    fn check_console(&self, request: &ServiceRequest) -> Result<Place, Problem> {
        let client = self.trusted_proxies.client_of(request.request());
        if let Some(client) = client {
            Span::current().record("client", display(client));
        }
        request.extensions_mut().insert(ClientAddress(client));
        let _place = self.enter()?;
        Ok(Place::Known { _place })
    }

    fn enter(&self) -> Result<InFlightPlace, Problem> {
        let entered = self.in_flight.enter();
        entered.inspect_err(|_| self.turned_away.overloaded.increment())
    }

    /// Counts the request, admitted or not, and reports the remaining allowance in the headers of the answer.
    fn count(&self, request: &ServiceRequest, credential: &Credential) -> Result<(), AccessError> {
        let Some(limits) = &self.limits else {
            return Ok(());
        };
        let counted = limits.count(credential);
        let (Ok(allowance) | Err(allowance)) = counted;
        announce(request, limits.limit(), allowance);
        let within = counted.map(drop);
        within.map_err(|allowance| {
            self.turned_away.rate_limited.increment();
            AccessError::TooOften(allowance.resets_in_s)
        })
    }

    /// A credential that is sent must be valid, even where none is required. A credential that must be looked up waits
    /// in a place of its own.
    async fn identify(&self, headers: &HeaderMap) -> Result<Arc<Credential>, Problem> {
        let refused = |error: AccessError| {
            self.refused.count(headers, &error);
            Problem::from(error)
        };
        let token = match (headers.contains_key(AUTHORIZATION), &self.local) {
            (false, Some(local)) if came_from_here(headers) => return Ok(local.clone()),
            (false, Some(_)) => Err(AccessError::Unknown(
                "in development, only requests sent directly to a loopback address need no credential",
            )),
            (false, None) => Err(AccessError::Unknown("no credential was sent")),
            (true, _) => {
                bearer_token(headers).ok_or(AccessError::Unknown("it is not a bearer token"))
            }
        };
        let token = token.map_err(refused)?;
        if let Some(credential) = self.authenticator.recall(token) {
            return Ok(credential);
        }
        let entered = self.unidentified.enter();
        let _place = entered.inspect_err(|_| self.turned_away.unidentified.increment())?;
        let identified = self.authenticator.authenticate(token).await;
        identified.map_err(refused)
    }
}

/// Middleware: refuses requests that are not admitted, and passes the tenant of the others to their endpoints.
pub(crate) async fn admit(
    admission: Arc<Admission>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = request.extensions().get::<MatchedRoute>().copied();
    let Some(route) = route else {
        return match resource_of(&request) {
            // The resource answers 405 and lists its methods.
            Some(resource) if is_listed(&resource) => next.call(request).await,
            Some(resource) if is_of_console(&resource) => match admission.check_console(&request) {
                Ok(_place) => next.call(request).await,
                Err(problem) => Ok(request.error_response(ProblemResponse(problem))),
            },
            _ => Ok(request.error_response(ProblemResponse(Problem::of(&ROUTE_NOT_FOUND)))),
        };
    };
    match admission.check(&mut request, route.access()).await {
        Ok(_place) => next.call(request).await,
        Err(problem) => Ok(request.error_response(ProblemResponse(problem))),
    }
}

/// The kind of keys that this installation creates and accepts.
pub(crate) fn key_mode(config: &Config) -> KeyMode {
    match config.environment {
        Environment::Development => KeyMode::Test,
        Environment::Production => KeyMode::Live,
    }
}

/// In development only this machine can connect: the configuration makes sure of that.
fn local(config: &Config) -> Option<Arc<Credential>> {
    let local = || Credential {
        tenant: config.tenant,
        name: "local".parse().expect("the name has only letters"),
        scopes: Scopes::all(),
    };
    match config.environment {
        Environment::Development => Some(Arc::new(local())),
        Environment::Production => None,
    }
}

/// Returns whether a request without a credential was sent directly to a loopback name of this machine. Otherwise a
/// proxy would let everyone in, and so would a web page whose host name resolves to this machine.
fn came_from_here(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(|host| {
        let host: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
        host.is_some_and(|host| is_loopback(host.host()))
    });
    host.unwrap_or(true) && !came_through_a_proxy(headers)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_requests_sent_directly_to_this_machine_are_local() {
        let from_here = |headers: &[(&'static str, &str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::default(), |request, header| {
                    request.append_header(*header)
                });
            came_from_here(request.to_srv_request().headers())
        };
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:3000",
            "127.9.9.9",
            "[::1]:3000",
        ] {
            assert!(from_here(&[("host", host)]), "{host}");
        }
        assert!(from_here(&[]));
        for host in [
            "shop.example",
            "localhost.evil.example",
            "10.0.0.1",
            "",
            "127.0.0.1.nip.io:3000",
            "a@b@c",
        ] {
            assert!(!from_here(&[("host", host)]), "{host}");
        }
        for header in [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "Via",
        ] {
            assert!(
                !from_here(&[("host", "localhost"), (header, "1")]),
                "{header}"
            );
        }
    }
}
