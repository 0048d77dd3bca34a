//! Reports the remaining quota to clients, in the fields of draft-ietf-httpapi-ratelimit-headers.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::domain::rate_limit::{Allowance, RateLimit};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The header values for every answer to a client.
#[derive(Clone)]
struct Announcement {
    policy: HeaderValue,
    limit: HeaderValue,
}

/// Makes the answer to a request report the remaining quota of its credential.
pub fn announce(request: &ServiceRequest, limit: RateLimit, allowance: Allowance) {
    let policy = HeaderValue::try_from(limit.to_string());
    let limit = HeaderValue::try_from(allowance.to_string());
    if let (Ok(policy), Ok(limit)) = (policy, limit) {
        let announcement = Announcement { policy, limit };
        request.extensions_mut().insert(announcement);
    }
}

/// Middleware that adds the rate limit headers to every answer. Must wrap the middleware that writes problems.
///
/// # Errors
/// Those of the service.
pub async fn announce_limits(
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
