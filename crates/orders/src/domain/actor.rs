//! The actors of orders, as events name them. Operators are named by `OperatorName::as_actor`, and credentials of
//! clients by `Actor` of validation.

/// The worker that settles interrupted orders.
pub(crate) const SWEEPER: &str = "sweeper";
/// The worker that applies gateway events.
pub(crate) const WEBHOOK: &str = "webhook";
/// The gateway, for what happened there without us.
pub(crate) const GATEWAY: &str = "gateway";
/// The worker that compares the gateway's books with ours.
pub(crate) const RECONCILER: &str = "reconciler";
/// The worker that opens missing fulfilment orders.
pub(crate) const OPENER: &str = "fulfilment";
/// The worker that closes expired returns and refunds credits that wait.
pub(crate) const RETURNS: &str = "returns";
/// The worker that erases old data.
pub(crate) const RETENTION: &str = "retention";
