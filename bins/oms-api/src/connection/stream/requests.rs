//! One request at a time for the dispatcher, and 100 for clients that wait for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::super::heads::Following;
use super::super::state::READ_AHEAD;
use super::ClientStream;

/// What the dispatcher writes for a client that waits for it before it sends its body.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl ClientStream {
    /// Takes back what comes after the first request.
    pub(super) fn keep_later_requests(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let given = &buffer.filled()[before..];
        let Some((head, following)) = self.scanner.scan(given) else {
            return;
        };
        let after = given.len() - head;
        let (body, left) = match following {
            Following::Chunked => (after, None),
            Following::Sized(length) => {
                let body = usize::try_from(length).map_or(after, |length| length.min(after));
                (body, Some(length - body as u64))
            }
        };
        let end = before + head + body;
        self.ahead
            .splice(..0, buffer.filled()[end..].iter().copied());
        buffer.set_filled(end);
        self.has_given_head = true;
        self.connection.head_ended(left);
    }

    /// Reads what belongs to later requests, and keeps it. Ready when the client is gone, or sends nothing more.
    pub(super) fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read_at_once = 0;
        let mut bytes = [0; 4096];
        while self.ahead.len() < READ_AHEAD && !self.is_at_end {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.is_at_end = true,
                Poll::Ready(Ok(())) => self.ahead.extend_from_slice(buffer.filled()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if !self.ahead.is_empty() {
            self.connection.read_ahead();
        } else if self.is_at_end {
            return Poll::Ready(Ok(()));
        }
        self.connection.refuse(context.waker());
        Poll::Pending
    }

    /// How many of the bytes that the dispatcher writes may be sent now, and whether they are to be left out instead. 100 is
    /// sent when somebody wants the body, and left out when there is an answer already.
    pub(super) fn poll_interim(
        &mut self,
        context: &Context<'_>,
        bytes: &[u8],
    ) -> Poll<(usize, bool)> {
        let all = Poll::Ready((bytes.len(), false));
        if !self.connection.expects_interim() {
            return all;
        }
        let mut windows = bytes.windows(INTERIM.len());
        match windows.position(|window| window == INTERIM) {
            None => all,
            Some(0) if bytes.len() == INTERIM.len() => {
                match self.connection.withhold_interim(context.waker()) {
                    true => Poll::Pending,
                    false => {
                        self.connection.take_interim();
                        all
                    }
                }
            }
            Some(0) => match self.connection.take_interim() {
                true => all,
                false => Poll::Ready((INTERIM.len(), true)),
            },
            Some(at) => Poll::Ready((at, false)),
        }
    }
}
