//! 100 for clients that wait for it before they send their body.

use std::task::{Context, Poll};

use super::ClientStream;

/// What the dispatcher writes for a client that waits for it before it sends its body.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl ClientStream {
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
