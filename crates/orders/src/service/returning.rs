//! What customers send back: returns change under the order's lock, together with stock, credits and timeline.

pub(crate) mod credit_return;
pub(crate) mod decide_return;
pub(crate) mod facts;
pub(crate) mod find_returnable;
pub(crate) mod lock_return;
pub(crate) mod receive_return;
pub(crate) mod refund_return;
pub(crate) mod request_return;
pub(crate) mod settle_returns;
