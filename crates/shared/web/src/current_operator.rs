//! The operator that a request acts for.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use oms_errors::{Problem, UNAUTHENTICATED};
use oms_validation::OperatorName;

use crate::ProblemResponse;

/// The operator that a request acts for. The middleware that checks credentials adds it to the request's extensions. A
/// request without one is refused with 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentOperator(pub OperatorName);

impl FromRequest for CurrentOperator {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let operator = request.extensions().get::<Self>().cloned();
        ready(operator.ok_or_else(|| Problem::of(&UNAUTHENTICATED).into()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_without_a_known_credential_has_no_operator() {
        let request = TestRequest::default()
            .insert_header(("authorization", "Bearer of-good-news"))
            .to_http_request();
        let read = || CurrentOperator::from_request(&request, &mut Payload::None).into_inner();
        assert_eq!(read().unwrap_err().0.problem_type(), &UNAUTHENTICATED);

        let ann = CurrentOperator(OperatorName::parse("ann").unwrap());
        request.extensions_mut().insert(ann.clone());
        assert_eq!(read().unwrap(), ann);
    }
}
