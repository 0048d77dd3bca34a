//! The use cases, one to a file.

mod close_attempt;
mod collect_payment;
mod find_payment;
mod record_attempts;
mod settle_payment;

pub use close_attempt::close_attempt;
pub use collect_payment::{CollectOutcome, collect_payment};
pub use find_payment::find_payment;
pub use record_attempts::record_attempts;
pub use settle_payment::{FencePolicy, LaterCause, SettleOutcome, settle_payment};
