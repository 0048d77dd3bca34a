//! Who gets in: turns away what is too much, finds out whom a request acts for, and hands that on to its endpoint.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_access::{
    AccessError, Allowance, Authenticator, AuthenticatorSettings, Credential, Issuer, KeyMode,
    RateLimits, Scope, Scopes,
};
use oms_database::Database;
use oms_errors::{INTERNAL, Problem, ROUTE_NOT_FOUND};
use oms_monitoring::metrics::{CounterSeries, Metrics, MetricsError};
use oms_validation::{Actor, OperatorName, TenantId};
use oms_web::{CurrentActor, CurrentOperator, CurrentTenant, Disclosure, ProblemResponse};
use tracing::Span;
use tracing::field::display;

use crate::client_address::{TrustedProxies, came_through_a_proxy};
use crate::config::{Config, Environment, is_loopback};
use crate::in_flight::{InFlight, InFlightPlace};
use crate::metrics::sample;
use crate::request_span::resource_of;
use crate::routes::{Access, MatchedRoute, is_listed};
use crate::webhook_places::{WebhookPlace, WebhookPlaces};

/// Most keys that are remembered: some 2 MB.
const MOST_REMEMBERED: usize = 10_000;

/// Most credentials whose requests are counted: some 4 MB.
const MOST_COUNTED: usize = 100_000;

/// Of draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What is asked of requests before they get to their endpoints.
pub(crate) struct Admission {
    authenticator: Authenticator,
    /// Whom a request without a credential acts for: nobody, but in development.
    local: Option<Arc<Credential>>,
    tenant: TenantId,
    limits: Option<RateLimits>,
    /// Requests whose credential is known.
    in_flight: InFlight,
    /// Requests whose credential is being looked up: they may be anybody's, and must not take the places of those that are known.
    unidentified: InFlight,
    webhooks: WebhookPlaces,
    turned_away: TurnedAway,
    refused: RefusedCredentials,
    trusted_proxies: TrustedProxies,
}

/// The place that a request holds for as long as it is in flight.
enum Place {
    Open,
    Webhook { _place: WebhookPlace },
    Known { _place: InFlightPlace },
}

/// Counts the requests that were too much.
struct TurnedAway {
    overloaded: CounterSeries,
    unidentified: CounterSeries,
    rate_limited: CounterSeries,
}

impl TurnedAway {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Requests turned away before they cost anything: too many under way, or too many of one credential";
        let count = metrics.counter("oms_http_turned_away_total", help, &["reason"])?;
        Ok(Self {
            overloaded: count.series(&["overloaded"]),
            unidentified: count.series(&["unidentified"]),
            rate_limited: count.series(&["rate_limited"]),
        })
    }
}

/// Counts the requests whose credential is missing or not known.
struct RefusedCredentials {
    missing: CounterSeries,
    unknown: CounterSeries,
}

impl RefusedCredentials {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help =
            "Requests refused with 401: without a credential, or with one that is not known here";
        let count = metrics.counter("oms_http_credentials_refused_total", help, &["reason"])?;
        Ok(Self {
            missing: count.series(&["missing"]),
            unknown: count.series(&["unknown"]),
        })
    }

    /// Counts and logs a refusal. The credential itself is a secret, and may be somebody else's.
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

/// What a client is told of its limit, on every answer.
#[derive(Clone)]
struct Announcement {
    policy: HeaderValue,
    limit: HeaderValue,
}

impl Admission {
    /// As it is configured. Has to be called inside the tokio runtime.
    ///
    /// # Errors
    /// When the issuer of tokens can't be one, or the metrics are there already.
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
        let (help, count) = ("Requests that are under way", in_flight.count());
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

    /// Admits a request, or says why not, before any of its body is read. The place must be kept while the request is in flight.
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
                let counted = self.count(request, &credential);
                counted.map_err(AccessError::into_problem)?;
                authorise(request, &credential, scope)?;
                Ok(Place::Known { _place })
            }
        }
    }

    fn enter(&self) -> Result<InFlightPlace, Problem> {
        let entered = self.in_flight.enter();
        entered.inspect_err(|_| self.turned_away.overloaded.increment())
    }

    /// Counts the request, whatever becomes of it, and has the answer tell so.
    fn count(&self, request: &ServiceRequest, credential: &Credential) -> Result<(), AccessError> {
        let Some(limits) = &self.limits else {
            return Ok(());
        };
        let counted = limits.count(credential);
        let (Ok(allowance) | Err(allowance)) = counted;
        if let Some(announcement) = announcement(limits, allowance) {
            request.extensions_mut().insert(announcement);
        }
        let within = counted.map(drop);
        within.map_err(|allowance| {
            self.turned_away.rate_limited.increment();
            AccessError::TooOften(allowance.resets_in_s)
        })
    }

    /// A credential that is presented has to be good, also where none is needed. One that takes a look-up waits in a place of
    /// its own.
    async fn identify(&self, headers: &HeaderMap) -> Result<Arc<Credential>, Problem> {
        let refused = |error: AccessError| {
            self.refused.count(headers, &error);
            error.into_problem()
        };
        let token = match (headers.contains_key(AUTHORIZATION), &self.local) {
            (false, Some(local)) if came_from_here(headers) => return Ok(local.clone()),
            (false, Some(_)) => Err(AccessError::Unknown(
                "in development, only requests straight to a loopback address need none",
            )),
            (false, None) => Err(AccessError::Unknown("there is none")),
            (true, _) => bearer_token(headers).ok_or(AccessError::Unknown("it is no bearer token")),
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

/// Middleware: refuses who may not, and tells endpoints whom their requests act for.
pub(crate) async fn admit(
    admission: Arc<Admission>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = request.extensions().get::<MatchedRoute>().copied();
    let Some(route) = route else {
        return match resource_of(&request) {
            // The resource refuses the method, and says which ones there are.
            Some(resource) if is_listed(&resource) => next.call(request).await,
            _ => Ok(request.error_response(ProblemResponse(Problem::of(&ROUTE_NOT_FOUND)))),
        };
    };
    match admission.check(&mut request, route.access()).await {
        Ok(_place) => next.call(request).await,
        Err(problem) => Ok(request.error_response(ProblemResponse(problem))),
    }
}

/// Middleware, around the one that writes problems: puts what is left of a limit on every kind of answer.
pub(crate) async fn announce_limits(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?;
    let extensions = response.request().extensions();
    let announcement = extensions.get::<Announcement>().cloned();
    drop(extensions);
    if let Some(Announcement { policy, limit }) = announcement {
        response.headers_mut().insert(RATE_LIMIT_POLICY, policy);
        response.headers_mut().insert(RATE_LIMIT, limit);
    }
    Ok(response)
}

fn announcement(limits: &RateLimits, allowance: Allowance) -> Option<Announcement> {
    Some(Announcement {
        policy: HeaderValue::try_from(limits.limit().to_string()).ok()?,
        limit: HeaderValue::try_from(allowance.to_string()).ok()?,
    })
}

/// The kind of keys that an installation makes and knows.
pub(crate) fn key_mode(config: &Config) -> KeyMode {
    match config.environment {
        Environment::Development => KeyMode::Test,
        Environment::Production => KeyMode::Live,
    }
}

/// In development only this machine can connect, which the configuration sees to.
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

/// Whether a request without a credential was sent to this machine by name, and by no proxy: a proxy beside a development
/// server would let everybody in, and so would a page whose host name leads here.
fn came_from_here(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(|host| {
        let host: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
        host.is_some_and(|host| is_loopback(host.host()))
    });
    host.unwrap_or(true) && !came_through_a_proxy(headers)
}

fn authorise(
    request: &ServiceRequest,
    credential: &Credential,
    scope: Scope,
) -> Result<(), Problem> {
    if !credential.allows(scope) {
        return Err(AccessError::Lacking(scope).into_problem());
    }
    act_for(request, credential.tenant);
    let actor = Actor::of_client(credential.name.as_str());
    let actor = actor.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
    request.extensions_mut().insert(CurrentActor(actor));
    request.extensions_mut().insert(disclosure_of(credential));
    if matches!(scope, Scope::Operations | Scope::InventoryWrite) {
        let name = OperatorName::parse(credential.name.as_str());
        let name = name.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        request.extensions_mut().insert(CurrentOperator(name));
    }
    Ok(())
}

/// What answers show beside what their routes are for.
fn disclosure_of(credential: &Credential) -> Disclosure {
    Disclosure {
        orders: credential.allows(Scope::OrdersRead),
        inventory: credential.allows(Scope::InventoryRead),
        payment_secrets: credential.allows(Scope::OrdersWrite),
    }
}

fn act_for(request: &ServiceRequest, tenant: TenantId) {
    request.extensions_mut().insert(CurrentTenant(tenant));
}

/// RFC 6750, section 2.1. The name of the scheme is in any case.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_token_is_read_from_one_header_of_the_bearer_scheme() {
        let read = |values: &[&str]| {
            let request = values
                .iter()
                .fold(TestRequest::default(), |request, value| {
                    request.append_header((AUTHORIZATION, *value))
                });
            let request = request.to_srv_request();
            bearer_token(request.headers()).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer  abc "]).as_deref(), Some("abc"));
        let refused: [&[&str]; 5] = [
            &[],
            &["Bearer"],
            &["abc"],
            &["Basic abc"],
            &["Bearer abc", "Bearer abc"],
        ];
        for values in refused {
            assert_eq!(read(values), None, "{values:?}");
        }
    }

    #[test]
    fn only_what_is_sent_straight_to_this_machine_came_from_here() {
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

    #[test]
    fn whoever_a_credential_can_name_can_be_an_operator_and_an_actor() {
        let longest = "~".repeat(255);
        let every: String = (' '..='~').collect();
        for subject in [longest.as_str(), &every] {
            let name = oms_access::CredentialName::of_subject(subject).unwrap();
            assert!(OperatorName::parse(name.as_str()).is_ok(), "{subject:?}");
            assert!(Actor::of_client(name.as_str()).is_ok(), "{subject:?}");
        }
        for character in every.chars() {
            let text = character.to_string();
            if let Ok(name) = text.parse::<oms_access::CredentialName>() {
                assert!(OperatorName::parse(name.as_str()).is_ok(), "{text:?}");
            }
        }
    }
}
