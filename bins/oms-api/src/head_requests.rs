//! Answers `HEAD` on every route that has `GET`: the same answer without its body (RFC 9110, section 9.3.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Bytes;

/// Middleware that must enclose all others that look at methods: answers `HEAD` like `GET`, without the body.
pub(crate) async fn answer_head(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() != Method::HEAD {
        return next.call(request).await;
    }
    request.head_mut().method = Method::GET;
    Ok(without_body(next.call(request).await?))
}

/// actix-web omits the body of an answer when the request that it read *last* is a `HEAD`. With pipelined requests,
/// that may be another request. So the body is removed here, and its length is written like any other header.
fn without_body(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let BodySize::Sized(length) = response.response().body().size() else {
        return response.map_body(|_, _| BoxBody::new(NoBody));
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response.map_body(|head, _| {
        head.no_chunking(true);
        BoxBody::new(NoBody)
    })
}

/// An empty body. A header has the length of the body that it replaces.
struct NoBody;

impl MessageBody for NoBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
