//! What the answer to a request may show.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

/// What an answer may show beside what its route is for, by the scopes of the request's credential. Whoever checks
/// credentials puts it among the request's extensions; a request without one is shown nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disclosure {
    /// Orders: customers, addresses, lines and what belongs to them.
    pub orders: bool,
    /// Warehouses, products and stock.
    pub inventory: bool,
    /// What finishes a payment.
    pub payment_secrets: bool,
}

impl FromRequest for Disclosure {
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
    fn a_request_of_which_nothing_is_known_is_shown_nothing_more() {
        let request = TestRequest::default().to_http_request();
        let read = || Disclosure::from_request(&request, &mut Payload::None).into_inner();
        let nothing = Disclosure {
            orders: false,
            inventory: false,
            payment_secrets: false,
        };
        assert_eq!(read(), Ok(nothing));
        let reader = Disclosure {
            orders: true,
            ..nothing
        };
        request.extensions_mut().insert(reader);
        assert_eq!(read(), Ok(reader));
    }
}
