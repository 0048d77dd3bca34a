//! Who gets in: turns away what is too much, finds out whom a request acts for, and hands that on to its endpoint.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_access::{
    AccessError, Allowance, Authenticator, AuthenticatorSettings, Credential, Issuer, KeyMode,
    RateLimits, Scope, Scopes,
};
use oms_database::Database;
use oms_errors::{INTERNAL, Problem, ROUTE_NOT_FOUND};
use oms_monitoring::metrics::{CounterSeries, Metrics, MetricsError};
use oms_validation::http::{CurrentOperator, CurrentTenant, MayWriteOrders};
use oms_validation::{OperatorName, TenantId};

use crate::config::{Config, Environment};
use crate::in_flight::{InFlight, Place};
use crate::metrics::sample;
use crate::request_span::resource_of;
use crate::routes::{Access, MatchedRoute, is_listed};

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
    in_flight: InFlight,
    turned_away: TurnedAway,
}

/// Counts the requests that were too much.
struct TurnedAway {
    overloaded: CounterSeries,
    rate_limited: CounterSeries,
}

impl TurnedAway {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Requests turned away before they cost anything: too many under way, or too many of one credential";
        let count = metrics.counter("oms_http_turned_away_total", help, &["reason"])?;
        Ok(Self {
            overloaded: count.series(&["overloaded"]),
            rate_limited: count.series(&["rate_limited"]),
        })
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
            turned_away: TurnedAway::register(metrics)?,
        })
    }

    /// Lets a request in, or says why not. The place is to be kept for as long as the request is under way.
    async fn check(
        &self,
        request: &ServiceRequest,
        access: Access,
    ) -> Result<Option<Place<'_>>, Problem> {
        let is_counted = access != Access::Open;
        let place = is_counted.then(|| self.enter()).transpose()?;
        match access {
            Access::Open => {}
            Access::Signed => act_for(request, self.tenant),
            Access::Scope(scope) => {
                let credential = self.identify(request.headers()).await;
                let credential = credential.map_err(AccessError::into_problem)?;
                let counted = self.count(request, &credential);
                counted.map_err(AccessError::into_problem)?;
                authorise(request, &credential, scope)?;
            }
        }
        Ok(place)
    }

    fn enter(&self) -> Result<Place<'_>, Problem> {
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

    /// A credential that is presented has to be good, also where none is needed.
    async fn identify(&self, headers: &HeaderMap) -> Result<Arc<Credential>, AccessError> {
        match (headers.contains_key(AUTHORIZATION), &self.local) {
            (false, Some(local)) => Ok(local.clone()),
            (false, None) => Err(AccessError::Unknown("there is none")),
            (true, _) => {
                let token = bearer_token(headers);
                let token = token.ok_or(AccessError::Unknown("it is no bearer token"))?;
                self.authenticator.authenticate(token).await
            }
        }
    }
}

/// Middleware: refuses who may not, and tells endpoints whom their requests act for.
pub(crate) async fn admit(
    admission: Arc<Admission>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = request.extensions().get::<MatchedRoute>().copied();
    let Some(route) = route else {
        return match resource_of(&request) {
            // The resource refuses the method, and says which ones there are.
            Some(resource) if is_listed(&resource) => next.call(request).await,
            _ => Ok(request.error_response(Problem::of(&ROUTE_NOT_FOUND))),
        };
    };
    match admission.check(&request, route.access()).await {
        Ok(_place) => next.call(request).await,
        Err(problem) => Ok(request.error_response(problem)),
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
        tenant: config.tenant.as_uuid(),
        name: "local".parse().expect("the name has only letters"),
        scopes: Scopes::all(),
    };
    match config.environment {
        Environment::Development => Some(Arc::new(local())),
        Environment::Production => None,
    }
}

fn authorise(
    request: &ServiceRequest,
    credential: &Credential,
    scope: Scope,
) -> Result<(), Problem> {
    if !credential.allows(scope) {
        return Err(AccessError::Lacking(scope).into_problem());
    }
    act_for(request, credential.tenant.into());
    let may_write = MayWriteOrders(credential.allows(Scope::OrdersWrite));
    request.extensions_mut().insert(may_write);
    if matches!(scope, Scope::Operations | Scope::InventoryWrite) {
        let name = OperatorName::parse(credential.name.as_str());
        let name = name.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        request.extensions_mut().insert(CurrentOperator(name));
    }
    Ok(())
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
    fn whoever_a_key_can_name_can_be_an_operator() {
        let every: String = (0..=127).map(char::from).collect();
        for character in every.chars() {
            let text = character.to_string();
            let name = text.parse::<oms_access::CredentialName>();
            assert_eq!(name.is_ok(), OperatorName::parse(&text).is_ok(), "{text:?}");
        }
        let name = "x".repeat(64).parse::<oms_access::CredentialName>();
        assert!(OperatorName::parse(name.unwrap().as_str()).is_ok());
    }
}
