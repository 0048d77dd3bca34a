//! Closes connections whose request body was not read.
//!
//! When a handler drops a chunked body, actix-web reads the rest of it for as long as the client keeps sending, so the
//! connection may never end. If the body still exists after the answer, actix-web closes the connection instead. So the
//! body is kept here until then.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;

/// Middleware: closes the connection after an answer that did not wait for the end of a chunked body.
pub(crate) async fn close_when_unread(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.chunked().unwrap_or(false) {
        return next.call(request).await;
    }
    let payload = request.take_payload();
    let unread = SharedBody(Rc::new(RefCell::new(RequestBody {
        payload,
        ended: false,
    })));
    let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(unread.clone());
    request.set_payload(Payload::from(stream));
    let response = next.call(request).await?;
    if unread.0.borrow().ended {
        return Ok(response);
    }
    Ok(response.map_body(|_, body| {
        BoxBody::new(Answer {
            body,
            _unread: unread,
        })
    }))
}

/// A body with two owners: its reader and the answer.
#[derive(Clone)]
struct SharedBody(Rc<RefCell<RequestBody>>);

struct RequestBody {
    payload: Payload,
    ended: bool,
}

impl Stream for SharedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        let polled = Pin::new(&mut body.payload).poll_next(context);
        body.ended |= matches!(polled, Poll::Ready(None));
        polled
    }
}

/// The body of an answer, which keeps the body of the request until the answer is sent.
struct Answer {
    body: BoxBody,
    _unread: SharedBody,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
