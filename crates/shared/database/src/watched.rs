//! A stream that closes a connection whose server has owed an answer for too long.
//!
//! The server's own time-outs don't help if the server itself hangs. The stream sits between the driver and the socket,
//! so its limit applies to every statement, to BEGIN and COMMIT, and to the start of a connection. No future is dropped
//! half-way: the driver reports the connection as closed, and the waiting caller gets an error.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use crate::answers::Answers;
use crate::frames::Frames;

/// A stream to a server that tracks unanswered requests.
pub(crate) struct Watched<S> {
    stream: S,
    answers: Arc<Answers>,
    most: Duration,
    sent: Frames,
    received: Frames,
    timer: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl<S> Watched<S> {
    /// Creates a stream that fails if the server is silent for longer than `most` while it owes an answer.
    pub(crate) fn new(stream: S, answers: Arc<Answers>, most: Duration) -> Self {
        answers.forget();
        Self {
            stream,
            answers,
            most,
            sent: Frames::of_client(),
            received: Frames::of_server(),
            timer: Box::pin(sleep(most)),
            is_armed: false,
        }
    }

    /// Ready if the server has been silent for too long. One timer serves many requests, and is reset only when it
    /// fires.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Some(silence) = self.answers.silence() else {
                self.is_armed = false;
                return Poll::Pending;
            };
            if silence >= self.most {
                self.answers.found_silent();
                let text = format!("no answer within {} ms", self.most.as_millis());
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            if !self.is_armed {
                let end = Instant::now() + (self.most - silence);
                self.timer.as_mut().reset(end);
                self.is_armed = true;
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.is_armed = false;
        }
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.answers.forget();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[before..];
                // ReadyForQuery ends each answer.
                let ends = this.received.count(bytes, |kind| kind == b'Z');
                this.answers.received(ends);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_silence(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => written,
            other => return other,
        };
        // The startup message, a query, a function call and Sync have one answer each.
        let is_request = |kind| matches!(kind, 0 | b'Q' | b'F' | b'S');
        for _ in 0..this.sent.count(&bytes[..written], is_request) {
            this.answers.request_sent();
        }
        // Arms the timer, because otherwise only the server could wake the task.
        match this.poll_silence(cx) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Ok(written)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Watched<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Wraps each socket in a [`Watched`], through the driver's TLS hook.
#[derive(Clone)]
pub(crate) struct Watching {
    pub(crate) answers: Arc<Answers>,
    pub(crate) most: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> MakeTlsConnect<S> for Watching {
    type Stream = Watched<S>;
    type TlsConnect = Self;
    type Error = Infallible;

    fn make_tls_connect(&mut self, _: &str) -> Result<Self, Infallible> {
        Ok(self.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> TlsConnect<S> for Watching {
    type Stream = Watched<S>;
    type Error = Infallible;
    type Future = Ready<Result<Watched<S>, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(Watched::new(stream, self.answers, self.most)))
    }
}
