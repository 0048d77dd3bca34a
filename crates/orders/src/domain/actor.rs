//! Who does things to orders, as events name them. A person is named by `OperatorName::as_actor`, the credential of a client's
//! request by `Actor` of validation.

/// The worker that ends orders which were cut off.
pub(crate) const SWEEPER: &str = "sweeper";
/// The worker that applies what the gateway reports.
pub(crate) const WEBHOOK: &str = "webhook";
/// The gateway, for what happened there without us.
pub(crate) const GATEWAY: &str = "gateway";
/// The worker that compares the gateway's books with ours.
pub(crate) const RECONCILER: &str = "reconciler";
/// The worker that erases what was kept for long enough.
pub(crate) const RETENTION: &str = "retention";
