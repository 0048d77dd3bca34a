//! Cancels orders and refunds their money.

pub(crate) mod advance_cancelling;
pub(crate) mod advance_refunding;
pub(crate) mod cancel_order;
pub(crate) mod cancel_unshipped;
pub(crate) mod go_on_refunding;
pub(crate) mod look_before;
pub(crate) mod pay_out_returns;
pub(crate) mod preview_refund;
pub(crate) mod refund_order;
pub(crate) mod refuse_disputed;
pub(crate) mod started_refund;
