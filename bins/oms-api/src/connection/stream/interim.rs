//! Answer 100 (Continue) for clients that wait for it before they send their body.

use std::task::{Context, Poll};

use super::ClientStream;

/// The bytes that the dispatcher writes as answer 100.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl ClientStream {
    /// Returns how many of the dispatcher's bytes may be sent now, and whether they are skipped instead. 100 is sent
    /// when the handler wants the body, and skipped when the request is already answered.
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
