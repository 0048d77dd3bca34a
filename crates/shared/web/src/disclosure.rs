//! The data that the answer to a request may show.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

/// The additional data that an answer may show, by the scopes of the request's credential. The middleware that checks
/// credentials adds it to the request's extensions. A request without it is shown no additional data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disclosure {
    /// Orders: customers, addresses, lines, and the data that belongs to them.
    pub orders: bool,
    /// Warehouses, products and stock.
    pub inventory: bool,
    /// Fulfilment orders and shipments.
    pub fulfilment: bool,
    /// Returns.
    pub returns: bool,
    /// The secret with which a customer's browser completes a payment.
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
    fn a_request_without_a_disclosure_is_shown_no_additional_data() {
        let request = TestRequest::default().to_http_request();
        let read = || Disclosure::from_request(&request, &mut Payload::None).into_inner();
        let nothing = Disclosure {
            orders: false,
            inventory: false,
            fulfilment: false,
            returns: false,
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
