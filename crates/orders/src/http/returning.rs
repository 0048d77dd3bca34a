//! Endpoints of returns that change them, or that read an order's money.

pub(super) mod approve;
pub(super) mod cancel;
pub(super) mod close;
pub(super) mod create;
pub(super) mod decline;
pub(super) mod receive;
pub(super) mod refund;
pub(super) mod returnable;
