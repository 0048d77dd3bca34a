//! The middleware that reports requests in progress to their connection, and passes answers on in pieces.

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

use super::state::Connection;

/// Maximum size of a piece of an answer that is copied at a time.
const PIECE: usize = 8 * 1024;

/// Middleware that must enclose all others that read bodies: tracks the requests of a connection.
pub(crate) async fn watch(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    let Some(connection) = connection else {
        return next.call(request).await;
    };
    let payload = request.take_payload();
    let has_body = !matches!(payload, Payload::None);
    connection.request_started(has_body);
    if has_body {
        let connection = connection.clone();
        let body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
            Box::pin(WatchedBody {
                payload,
                connection,
            });
        request.set_payload(Payload::from(body));
    }
    let in_progress = InProgress(connection);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Answer::new(body, in_progress))))
}

/// Ends the request when the answer was passed on completely, or when it was dropped.
struct InProgress(Rc<Connection>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// The body of a request, which reports to the connection when more of it is wanted.
struct WatchedBody {
    payload: Payload,
    connection: Rc<Connection>,
}

impl Stream for WatchedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(context);
        match &polled {
            Poll::Pending => self.connection.body_wanted(),
            Poll::Ready(None) => self.connection.body_ended(),
            Poll::Ready(Some(_)) => {}
        }
        polled
    }
}

/// The body of an answer.
struct Answer {
    body: AnswerBody,
    size: BodySize,
    _in_progress: InProgress,
}

enum AnswerBody {
    /// actix-web copies all that it gets, even if the client does not read it. So it gets a small piece at a time.
    Whole(Bytes),
    Other(BoxBody),
}

impl Answer {
    fn new(body: BoxBody, in_progress: InProgress) -> Self {
        let size = body.size();
        let is_large = matches!(size, BodySize::Sized(bytes) if bytes > PIECE as u64);
        let body = match is_large {
            true => body
                .try_into_bytes()
                .map_or_else(AnswerBody::Other, AnswerBody::Whole),
            false => AnswerBody::Other(body),
        };
        Self {
            body,
            size,
            _in_progress: in_progress,
        }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match &mut self.body {
            AnswerBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            AnswerBody::Whole(bytes) => {
                let piece = bytes.split_to(PIECE.min(bytes.len()));
                Poll::Ready(Some(Ok(piece)))
            }
            AnswerBody::Other(body) => Pin::new(body).poll_next(context),
        }
    }
}
