//! Amounts that a gateway can't collect or refund.

use oms_validation::Currency;

/// Why a gateway can't express an amount, or doesn't accept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountRefusal {
    /// The amount is too large for one payment.
    #[error("must be at most {max_minor} minor units in {currency}")]
    TooLarge {
        /// The currency.
        currency: Currency,
        /// The largest amount.
        max_minor: i64,
    },
    /// The gateway has no unit that small.
    #[error("must be a multiple of {step_minor} minor units in {currency}")]
    Step {
        /// The currency.
        currency: Currency,
        /// The smallest step, in minor units.
        step_minor: i64,
    },
}
