//! Places for signed requests, separate from those of credentials: until its body has arrived, a signed request may
//! come from anyone.
//!
//! When all places are taken, the request that has waited longest for its body gives up its place. The gateway sends
//! bodies together with their heads, so only a client that sends slowly on purpose waits for long.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::sync::oneshot;

/// The places of all signed requests.
pub(crate) struct WebhookPlaces {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    next_id: u64,
    /// In order of arrival.
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// The place of one request. Dropping it frees the place.
pub(crate) struct WebhookPlace {
    id: u64,
    taken: Arc<Mutex<Taken>>,
}

/// Resolves when a later request needs the place.
type Displaced = oneshot::Receiver<()>;

impl WebhookPlaces {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// Takes a place. The request's body fails once a later request needs the place.
    pub(crate) fn enter(&self, request: &mut ServiceRequest) -> WebhookPlace {
        let (place, displaced) = self.take();
        let payload = request.take_payload();
        let body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
            Box::pin(DisplaceableBody { payload, displaced });
        request.set_payload(Payload::from(body));
        place
    }

    fn take(&self) -> (WebhookPlace, Displaced) {
        let mut taken = lock(&self.taken);
        while taken.waiting.len() >= self.most
            && let Some((_, displace)) = taken.waiting.pop_front()
        {
            // The request may just have finished.
            let _ = displace.send(());
        }
        let (displace, displaced) = oneshot::channel();
        let id = taken.next_id;
        taken.next_id += 1;
        taken.waiting.push_back((id, displace));
        let taken = self.taken.clone();
        (WebhookPlace { id, taken }, displaced)
    }
}

impl Drop for WebhookPlace {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.waiting.retain(|(id, _)| *id != self.id);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a request that can lose its place.
struct DisplaceableBody {
    payload: Payload,
    displaced: Displaced,
}

impl Stream for DisplaceableBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(context);
        if polled.is_ready() {
            return polled;
        }
        match Pin::new(&mut self.displaced).poll(context) {
            Poll::Ready(Ok(())) => {
                let timed_out = io::Error::from(io::ErrorKind::TimedOut);
                Poll::Ready(Some(Err(PayloadError::Io(timed_out))))
            }
            // The place is already free: the answer is being sent.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_that_has_waited_longest_loses_its_place() {
        let places = WebhookPlaces::new(2);
        let (first, mut first_displaced) = places.take();
        let (_second, mut second_displaced) = places.take();
        assert!(first_displaced.try_recv().is_err());
        let (third, _third_displaced) = places.take();
        assert!(first_displaced.try_recv().is_ok());
        assert!(second_displaced.try_recv().is_err());
        drop((first, third));
        let (_fourth, mut fourth_displaced) = places.take();
        assert!(second_displaced.try_recv().is_err(), "a place was free");
        assert!(fourth_displaced.try_recv().is_err());
    }
}
