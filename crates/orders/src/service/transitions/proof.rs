//! The gateway's proof of how a payment ended. No attempt is closed without one.

use oms_payments::{AttemptId, ClosedAttempt, Closing, UnsavedCalls};

/// What the gateway's answer makes of the order's payment.
pub(crate) struct Proof {
    pub(crate) attempt_id: AttemptId,
    /// Without it no stock is given back.
    pub(crate) closing: Closing,
    /// The calls by which it was learnt.
    pub(crate) calls: UnsavedCalls,
}

impl Proof {
    /// The end of the attempt.
    pub(crate) fn closed(&self) -> ClosedAttempt<'_> {
        ClosedAttempt {
            attempt_id: self.attempt_id,
            closing: &self.closing,
            calls: &self.calls,
        }
    }
}
