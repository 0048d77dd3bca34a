//! The state of a connection, shared by its stream and the middleware that serves its requests.

use std::cell::Cell;
use std::task::Waker;
use std::time::Instant;

use super::ConnectionLimits;

/// Maximum size of a head, in bytes.
pub(super) const MOST_OF_A_HEAD: usize = 16 * 1024;

/// Maximum number of bytes that are read before anything requests them.
pub(super) const READ_AHEAD: usize = 16 * 1024;

/// The phase that a connection is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The connection is idle, or a head is arriving.
    Head { has_begun: bool },
    /// A request is in progress. `reads_ahead` is set once bytes of a later request were read.
    Request { reads_ahead: bool, body: Body },
    /// A request was answered before its body was read to the end: actix-web discards the rest and closes the
    /// connection.
    Discarding,
}

/// The body of the request in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Unread,
    Ended,
}

/// The state of one connection.
pub(crate) struct Connection {
    limits: ConnectionLimits,
    phase: Cell<Phase>,
    /// Number of bytes that may still be read.
    allowance: Cell<usize>,
    /// Deadline of the head.
    head_due: Cell<Option<Instant>>,
    /// Wakes the dispatcher that was refused bytes.
    refused: Cell<Option<Waker>>,
    interim: Cell<Interim>,
    /// Wakes the dispatcher that waits to send 100.
    withheld: Cell<Option<Waker>>,
}

/// Whether the client waits for 100 before it sends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interim {
    No,
    /// It waits, and the handler does not want the body yet.
    Waits,
    /// It waits, and the handler wants the body.
    Wanted,
}

impl Connection {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let head_due = Instant::now() + limits.head_timeout;
        Self {
            limits,
            phase: Cell::new(Phase::Head { has_begun: true }),
            allowance: Cell::new(MOST_OF_A_HEAD),
            head_due: Cell::new(Some(head_due)),
            refused: Cell::default(),
            interim: Cell::new(Interim::No),
            withheld: Cell::default(),
        }
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Notes that a request arrived. If it has a body, the body is still to come.
    pub(super) fn request_started(&self, has_body: bool) {
        let (body, allowance) = match has_body {
            true => (Body::Unread, 0),
            false => (Body::Ended, READ_AHEAD),
        };
        let reads_ahead = false;
        self.phase.set(Phase::Request { reads_ahead, body });
        self.allowance.set(allowance);
        self.head_due.set(None);
    }

    /// Notes that the handler waits for more of the body.
    pub(super) fn body_wanted(&self) {
        if self.interim.get() == Interim::Waits {
            self.interim.set(Interim::Wanted);
            if let Some(waker) = self.withheld.take() {
                waker.wake();
            }
        }
        self.allow(READ_AHEAD);
    }

    /// Notes that the client of the arriving request waits for 100 before it sends the body.
    pub(super) fn interim_expected(&self) {
        self.interim.set(Interim::Waits);
    }

    /// Whether an answer 100 of the dispatcher is still to be handled.
    pub(super) fn expects_interim(&self) -> bool {
        self.interim.get() != Interim::No
    }

    /// Handles the answer 100. Returns true if it must be sent because the handler wants the body.
    pub(super) fn take_interim(&self) -> bool {
        self.interim.replace(Interim::No) == Interim::Wanted
    }

    /// Registers a waker that is called once the handler wants the body. Returns false if it already does.
    pub(super) fn withhold_interim(&self, waker: &Waker) -> bool {
        let withholds = self.interim.get() == Interim::Waits;
        if withholds {
            self.withheld.set(Some(waker.clone()));
        }
        withholds
    }

    /// Notes that the body was read to its end.
    pub(super) fn body_ended(&self) {
        if let Phase::Request { reads_ahead, .. } = self.phase.get() {
            let body = Body::Ended;
            self.phase.set(Phase::Request { reads_ahead, body });
            self.allow(READ_AHEAD);
        }
    }

    /// Notes that the answer was handed to actix-web completely.
    pub(super) fn request_ended(&self) {
        let (phase, patience) = match self.phase.get() {
            Phase::Request {
                body: Body::Unread, ..
            } => (Phase::Discarding, self.limits.keep_alive),
            Phase::Request {
                reads_ahead: true, ..
            } => (Phase::Head { has_begun: true }, self.limits.head_timeout),
            _ => (Phase::Head { has_begun: false }, self.limits.keep_alive),
        };
        self.phase.set(phase);
        self.head_due.set(Some(Instant::now() + patience));
        self.allow(MOST_OF_A_HEAD);
    }

    fn allow(&self, bytes: usize) {
        self.allowance.set(bytes);
        if let Some(waker) = self.refused.take() {
            waker.wake();
        }
    }

    /// Number of bytes that may be read now.
    pub(super) fn allowance(&self) -> usize {
        match self.phase.get() {
            Phase::Discarding => usize::MAX,
            Phase::Head { .. } | Phase::Request { .. } => self.allowance.get(),
        }
    }

    /// Registers a waker that is called once more bytes may be read.
    pub(super) fn refuse(&self, waker: &Waker) {
        self.refused.set(Some(waker.clone()));
    }

    /// Notes that this many bytes were read.
    pub(super) fn bytes_read(&self, bytes: usize) {
        let left = self.allowance.get().saturating_sub(bytes);
        self.allowance.set(left);
        match self.phase.get() {
            Phase::Head { has_begun: false } => {
                self.phase.set(Phase::Head { has_begun: true });
                let due = Instant::now() + self.limits.head_timeout;
                self.head_due.set(Some(due));
            }
            Phase::Request {
                body: Body::Ended, ..
            } => self.phase.set(Phase::Request {
                reads_ahead: true,
                body: Body::Ended,
            }),
            _ => {}
        }
    }

    pub(super) fn head_due(&self) -> Option<Instant> {
        self.head_due.get()
    }

    /// Whether part of a head was read, or the connection is new.
    pub(super) fn head_has_begun(&self) -> bool {
        self.phase.get() == Phase::Head { has_begun: true }
    }

    /// Whether the bytes being sent may come from the application.
    pub(super) fn has_request(&self) -> bool {
        matches!(self.phase.get(), Phase::Request { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;

    fn connection() -> Connection {
        Connection::new(ConnectionLimits {
            head_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(75),
            send_timeout: Duration::from_secs(10),
            stopping: CancellationToken::new(),
        })
    }

    fn due_in(connection: &Connection) -> u64 {
        let due = connection.head_due().unwrap();
        due.saturating_duration_since(Instant::now()).as_secs()
    }

    #[test]
    fn the_deadline_of_a_head_runs_from_its_first_byte() {
        let connection = connection();
        assert!(due_in(&connection) <= 5);
        connection.request_started(false);
        assert_eq!(connection.head_due(), None);
        connection.request_ended();
        assert!(due_in(&connection) > 5 && !connection.head_has_begun());
        connection.bytes_read(1);
        assert!(due_in(&connection) <= 5 && connection.head_has_begun());
        connection.request_started(false);
        connection.bytes_read(1);
        connection.request_ended();
        assert!(due_in(&connection) <= 5 && connection.head_has_begun());
    }

    #[test]
    fn a_head_that_arrives_at_the_end_of_the_keep_alive_has_as_long_as_any_other() {
        let mut limits = connection().limits;
        limits.keep_alive = Duration::ZERO;
        let connection = Connection::new(limits);
        connection.request_started(false);
        connection.request_ended();
        assert!(connection.head_due() <= Some(Instant::now()));
        connection.bytes_read(1);
        assert!(connection.head_due() > Some(Instant::now()));
    }

    #[test]
    fn a_body_is_read_only_when_the_handler_wants_it() {
        let connection = connection();
        connection.bytes_read(100);
        assert_eq!(connection.allowance(), MOST_OF_A_HEAD - 100);
        connection.request_started(true);
        assert_eq!(connection.allowance(), 0);
        connection.body_wanted();
        assert_eq!(connection.allowance(), READ_AHEAD);
        connection.bytes_read(READ_AHEAD);
        assert_eq!(connection.allowance(), 0);
        connection.body_ended();
        assert_eq!(connection.allowance(), READ_AHEAD);
    }

    #[test]
    fn a_client_that_waits_for_100_gets_it_only_when_the_handler_wants_the_body() {
        let connection = connection();
        connection.interim_expected();
        connection.request_started(true);
        assert!(connection.withhold_interim(Waker::noop()));
        assert!(!connection.take_interim());
        connection.interim_expected();
        connection.body_wanted();
        assert!(!connection.withhold_interim(Waker::noop()));
        assert!(connection.take_interim() && !connection.expects_interim());
    }

    #[test]
    fn the_rest_of_an_unread_body_is_not_read_as_a_head() {
        let connection = connection();
        connection.request_started(true);
        connection.request_ended();
        connection.bytes_read(10 * MOST_OF_A_HEAD);
        assert_eq!(connection.allowance(), usize::MAX);
        assert!(!connection.head_has_begun());
    }
}
