//! The stream between actix-web's dispatcher and a client.

mod interim;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use oms_errors::{BODY_TIMEOUT, HEAD_TOO_LARGE, Problem};
use oms_web::problem_bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::ConnectionLimits;
use super::own_answers;
use super::state::Connection;

/// Maximum number of bytes that are read before the dispatcher looks at them.
const AT_A_TIME: usize = 16 * 1024;

/// Bytes that a client must read of its answer within the send time-out, unless fewer are left.
const LEAST_PROGRESS: usize = 64 * 1024;

/// The send time-out while the process stops.
const STOPPING_PATIENCE: Duration = Duration::from_secs(3);

/// How long a refused connection is still read from, so that the client sees the answer.
const LINGER: Duration = Duration::from_secs(1);

/// The connection of a client.
pub(crate) struct ClientStream {
    socket: TcpStream,
    connection: Rc<Connection>,
    /// Number of bytes read since the dispatcher last looked at them.
    read_at_once: usize,
    /// The dispatcher looked at a whole head's worth of bytes, and may have found a request in it.
    was_full: bool,
    head_timer: Option<(Pin<Box<Sleep>>, Instant)>,
    refusal: Option<Refusal>,
    stalled: Option<Stalled>,
    /// The dispatcher tried to read while its answer was stalled.
    read_was_withheld: bool,
    /// The problem that is sent in place of an answer of the dispatcher's own.
    replacement: Option<Vec<u8>>,
}

/// An answer that is sent without the dispatcher, after which the connection ends.
struct Refusal {
    unsent: Vec<u8>,
    is_shut_down: bool,
    until: Pin<Box<Sleep>>,
}

/// An answer that the client does not read.
struct Stalled {
    sent: usize,
    until: Pin<Box<Sleep>>,
    patience: Duration,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl ClientStream {
    pub(crate) fn new(socket: TcpStream, limits: ConnectionLimits) -> Self {
        Self {
            socket,
            connection: Rc::new(Connection::new(limits)),
            read_at_once: 0,
            was_full: false,
            head_timer: None,
            refusal: None,
            stalled: None,
            read_was_withheld: false,
            replacement: None,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        self.connection.clone()
    }

    /// Number of bytes that may be read now. Pending while none may.
    fn poll_allowance(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        let allowance = self.connection.allowance();
        if allowance == 0 && self.connection.has_request() {
            self.connection.refuse(context.waker());
            self.read_at_once = 0;
            return Poll::Pending;
        }
        if allowance == 0 && self.was_full {
            self.refuse(&Problem::of(&HEAD_TOO_LARGE));
            return Poll::Ready(0);
        }
        self.was_full = allowance == 0;
        let allowance = allowance.min(AT_A_TIME - self.read_at_once);
        if allowance == 0 {
            self.read_at_once = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(allowance)
    }

    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let socket = Pin::new(&mut self.socket);
        if buffer.remaining() <= most {
            ready!(socket.poll_read(context, buffer))?;
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            ready!(socket.poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
        }
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.read_at_once += read;
            self.connection.bytes_read(read);
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the head of a request is overdue.
    fn poll_head_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(due) = self.connection.head_due() else {
                return Poll::Pending;
            };
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            let (timer, armed) = self
                .head_timer
                .get_or_insert_with(|| (Box::pin(tokio::time::sleep_until(due.into())), due));
            // A timer that fires early costs less than setting it for each request.
            if *armed > due || timer.is_elapsed() {
                timer.as_mut().reset(due.into());
                *armed = due;
            }
            ready!(timer.as_mut().poll(context));
        }
    }

    fn refuse(&mut self, problem: &Problem) {
        tracing::debug!(
            code = problem.problem_type().code,
            "a connection was refused"
        );
        self.refusal = Some(Refusal {
            unsent: problem_bytes(problem),
            is_shut_down: false,
            until: Box::pin(tokio::time::sleep(LINGER)),
        });
    }

    /// Sends the refusal, and discards the bytes that the client still sends. Ready when the connection may end.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(());
        };
        if refusal.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut socket = Pin::new(&mut self.socket);
        while !refusal.unsent.is_empty() {
            match ready!(socket.as_mut().poll_write(context, &refusal.unsent)) {
                Ok(sent) if sent > 0 => drop(refusal.unsent.drain(..sent)),
                _ => return Poll::Ready(()),
            }
        }
        if !refusal.is_shut_down {
            refusal.is_shut_down = true;
            // If the client is gone, the next read reports it.
            let _ = socket.as_mut().poll_shutdown(context);
        }
        let mut discarded = [0; 4096];
        loop {
            let mut discarded = ReadBuf::new(&mut discarded);
            match ready!(socket.as_mut().poll_read(context, &mut discarded)) {
                Ok(()) if !discarded.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }

    /// Writes, and fails when the client reads too little for too long.
    fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(context, bytes) {
            Poll::Ready(Ok(sent)) => {
                self.progressed(context, sent, sent == bytes.len());
                Poll::Ready(Ok(sent))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.poll_stalled(context));
                // Otherwise the kernel would keep the bytes that the client does not read.
                let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
                Poll::Ready(Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the client does not read its answer",
                )))
            }
        }
    }

    fn progressed(&mut self, context: &Context<'_>, sent: usize, is_all: bool) {
        if let Some(stalled) = &mut self.stalled {
            stalled.sent += sent;
        }
        if is_all && self.stalled.take().is_some() && self.read_was_withheld {
            self.read_was_withheld = false;
            context.waker().wake_by_ref();
        }
    }

    /// Ready when the client has read too little for too long.
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limits = self.connection.limits();
        let stalled = self.stalled.get_or_insert_with(|| Stalled {
            sent: 0,
            until: Box::pin(tokio::time::sleep(limits.send_timeout)),
            patience: limits.send_timeout,
            stopping: Box::pin(limits.stopping.clone().cancelled_owned()),
        });
        if stalled.patience > STOPPING_PATIENCE
            && stalled.stopping.as_mut().poll(context).is_ready()
        {
            stalled.patience = STOPPING_PATIENCE;
            stalled.restart();
        }
        loop {
            ready!(stalled.until.as_mut().poll(context));
            if stalled.sent < LEAST_PROGRESS {
                return Poll::Ready(());
            }
            stalled.restart();
        }
    }
}

impl Stalled {
    fn restart(&mut self) {
        self.sent = 0;
        let until = tokio::time::Instant::now() + self.patience;
        self.until.as_mut().reset(until);
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refusal.is_none() {
            if this.stalled.is_some() {
                this.read_was_withheld = true;
                return Poll::Pending;
            }
            let allowance = ready!(this.poll_allowance(context));
            if this.refusal.is_none() {
                let polled = this.poll_receive(context, buffer, allowance);
                if polled.is_ready() {
                    return polled;
                }
                this.read_at_once = 0;
                ready!(this.poll_head_due(context));
                if !this.connection.head_has_begun() {
                    return Poll::Ready(Ok(()));
                }
                this.refuse(&Problem::of(&BODY_TIMEOUT));
            }
        }
        this.poll_refusal(context).map(Ok)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refusal.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let (allowed, is_left_out) = ready!(this.poll_interim(context, bytes));
        if is_left_out {
            return Poll::Ready(Ok(allowed));
        }
        let bytes = &bytes[..allowed];
        let (sent_as_it_is, replacement) = match this.connection.has_request() {
            true => (bytes, None),
            false => own_answers::split(bytes),
        };
        let Some(replacement) = replacement.filter(|_| sent_as_it_is.is_empty()) else {
            return this.poll_send(context, sent_as_it_is);
        };
        let mut unsent = this.replacement.take().unwrap_or(replacement);
        while !unsent.is_empty() {
            match this.poll_send(context, &unsent) {
                Poll::Ready(Ok(sent)) => drop(unsent.drain(..sent)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.replacement = Some(unsent);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The answer may have ended a request, and nothing else polls the deadline of the next one.
        if self.refusal.is_none() && self.poll_head_due(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
