//! The gateway's proof of how a payment ended. No attempt is closed without one.

use oms_payments::{AttemptId, ClosedAttempt, Closing, UnsavedCalls};

/// The gateway's answer about an order's payment.
pub(crate) struct Proof {
    pub(crate) attempt_id: AttemptId,
    /// Without it no stock is released.
    pub(crate) closing: Closing,
    /// The calls that produced it.
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
