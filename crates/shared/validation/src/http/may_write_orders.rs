//! Whether a request's credential may also change orders.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

/// Whether the credential of a request that reads orders may also change them: then the answer has what only those who
/// pay an order need. Whoever checks credentials puts it among the request's extensions; a request without one may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MayWriteOrders(pub bool);

impl FromRequest for MayWriteOrders {
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
    fn a_request_of_which_nothing_is_known_may_not() {
        let request = TestRequest::default().to_http_request();
        let read = || MayWriteOrders::from_request(&request, &mut Payload::None).into_inner();
        assert_eq!(read(), Ok(MayWriteOrders(false)));
        request.extensions_mut().insert(MayWriteOrders(true));
        assert_eq!(read(), Ok(MayWriteOrders(true)));
    }
}
