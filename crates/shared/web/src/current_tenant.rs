//! The tenant that a request acts for.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use oms_errors::{INTERNAL, Problem};
use oms_validation::TenantId;

use crate::ProblemResponse;

/// The tenant that a request acts for. The middleware that checks credentials adds it to the request's extensions. It
/// never comes from the path, a header or the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentTenant(pub TenantId);

impl FromRequest for CurrentTenant {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tenant = request.extensions().get::<Self>().copied();
        ready(tenant.ok_or_else(|| {
            Problem::of(&INTERNAL)
                .with_source("no tenant was set for the request")
                .into()
        }))
    }
}
