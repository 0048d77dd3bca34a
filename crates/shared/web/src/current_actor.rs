//! The actor of a request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use oms_errors::{Problem, UNAUTHENTICATED};
use oms_validation::Actor;

use crate::ProblemResponse;

/// The actor under which a request's changes are recorded. The middleware that checks credentials adds it to the
/// request's extensions. A request without one is refused with 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentActor(pub Actor);

impl FromRequest for CurrentActor {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = request.extensions().get::<Self>().cloned();
        ready(actor.ok_or_else(|| Problem::of(&UNAUTHENTICATED).into()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_without_a_known_credential_has_no_actor() {
        let request = TestRequest::default().to_http_request();
        let read = || CurrentActor::from_request(&request, &mut Payload::None).into_inner();
        assert_eq!(read().unwrap_err().0.problem_type(), &UNAUTHENTICATED);

        let till = CurrentActor(Actor::of_client("till").unwrap());
        request.extensions_mut().insert(till.clone());
        assert_eq!(read().unwrap(), till);
    }
}
