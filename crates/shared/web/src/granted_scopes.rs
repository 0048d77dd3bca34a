//! The scopes of a request's credential.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use oms_errors::{FORBIDDEN, Problem};
use oms_validation::{Scope, Scopes};

/// The scopes of a request's credential, for endpoints of which a member of the body needs another scope than their
/// route. The middleware that checks credentials adds them to the request's extensions. A request without them has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantedScopes(pub Scopes);

impl GrantedScopes {
    /// Checks that the credential has a scope.
    ///
    /// # Errors
    /// 403 `access.forbidden` with the scope.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        match self.0.include(scope) {
            true => Ok(()),
            false => Err(forbidden(scope)),
        }
    }
}

/// The problem of a credential that lacks a scope.
pub fn forbidden(scope: Scope) -> Problem {
    Problem::new(&FORBIDDEN, format!("the scope {scope} is missing"))
        .with_extension("scope", scope.as_str())
}

impl FromRequest for GrantedScopes {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().copied();
        ready(Ok(found.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_without_scopes_has_none_and_others_have_theirs() {
        let request = TestRequest::default().to_http_request();
        let read = || GrantedScopes::from_request(&request, &mut Payload::None).into_inner();
        let refused = read().unwrap().require(Scope::OrdersRefund).unwrap_err();
        assert_eq!(refused.body(None)["scope"], "orders:refund");
        let scopes = GrantedScopes([Scope::OrdersRefund].into_iter().collect());
        request.extensions_mut().insert(scopes);
        assert!(read().unwrap().require(Scope::OrdersRefund).is_ok());
        assert!(read().unwrap().require(Scope::OrdersRead).is_err());
    }
}
