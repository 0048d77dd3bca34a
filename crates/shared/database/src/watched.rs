//! A stream that closes a connection whose server has owed an answer for too long.
//!
//! The server's own time-outs don't help if the server itself hangs. The stream sits between the driver and the socket,
//! so its limit applies to every statement, to BEGIN and COMMIT, and to the start of a connection. No future is dropped
//! half-way: the driver reports the connection as closed, and the waiting caller gets an error.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use crate::answers::Answers;
use crate::frames::Frames;
use crate::tls::{Protected, Tls};

/// The maximum silence of a server that owes an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// Until the login is complete.
    pub(crate) starting: Duration,
    /// Afterwards.
    pub(crate) most: Duration,
}

/// A stream to a server that tracks unanswered requests.
pub(crate) struct Watched<S> {
    stream: S,
    answers: Arc<Answers>,
    /// The limit that applies now.
    most: Duration,
    /// The limit after the login.
    later: Duration,
    sent: Frames,
    received: Frames,
    timer: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl<S> Watched<S> {
    /// Wraps a stream. It fails when the server owes an answer and is silent for longer than the limit.
    pub(crate) fn new(stream: S, answers: Arc<Answers>, silence: Silence) -> Self {
        answers.forget();
        Self {
            stream,
            answers,
            most: silence.starting,
            later: silence.most,
            sent: Frames::of_client(),
            received: Frames::of_server(),
            timer: Box::pin(sleep(silence.starting)),
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
                return Poll::Ready(overdue(self.most));
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

fn overdue(most: Duration) -> io::Error {
    let text = format!("no answer within {} ms", most.as_millis());
    io::Error::new(io::ErrorKind::TimedOut, text)
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
                if ends > 0 {
                    this.most = this.later;
                }
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

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsStream for Watched<Protected<S>> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Wraps each socket in a [`Watched`], with TLS underneath if it is configured. The driver treats it as its TLS
/// connector.
#[derive(Clone)]
pub(crate) struct Watching {
    pub(crate) answers: Arc<Answers>,
    pub(crate) silence: Silence,
    pub(crate) tls: Option<Arc<Tls>>,
}

/// A [`Watching`] for one host.
pub(crate) struct WatchingHost {
    watching: Watching,
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Watching {
    type Stream = Watched<Protected<S>>;
    type TlsConnect = WatchingHost;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<WatchingHost, Infallible> {
        Ok(WatchingHost {
            watching: self.clone(),
            host: host.to_owned(),
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for WatchingHost {
    type Stream = Watched<Protected<S>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let Watching {
            answers,
            silence,
            tls,
        } = self.watching;
        Box::pin(async move {
            let stream = match tls {
                None => Protected::Plain(stream),
                Some(tls) => {
                    let protecting = timeout(silence.starting, tls.protect(stream, &self.host));
                    protecting.await.map_err(|_| overdue(silence.starting))??
                }
            };
            Ok(Watched::new(stream, answers, silence))
        })
    }
}
