//! The smallest amount that a gateway can express.

/// The smallest amount in a currency that a gateway can express, in minor units. Every amount of the gateway is a
/// multiple of it; less than it can be neither collected nor refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountStep(i64);

impl AmountStep {
    /// One minor unit.
    pub const MINOR: Self = Self(1);

    /// A step of this many minor units.
    ///
    /// # Panics
    /// If it is not positive.
    pub const fn new(minor: i64) -> Self {
        assert!(minor > 0, "a step is positive");
        Self(minor)
    }

    /// The largest multiple of the step that does not exceed an amount, which is not negative.
    pub const fn floor(self, amount_minor: i64) -> i64 {
        amount_minor - self.excess(amount_minor)
    }

    /// What an amount has beyond a multiple of the step.
    pub const fn excess(self, amount_minor: i64) -> i64 {
        amount_minor.rem_euclid(self.0)
    }

    /// Whether an amount is too small for the gateway, so that it counts as nothing.
    pub const fn is_nothing(self, amount_minor: i64) -> bool {
        amount_minor < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_rounded_down_to_the_step() {
        let tens = AmountStep::new(10);
        for (amount, floor, excess) in [(0, 0, 0), (9, 0, 9), (10, 10, 0), (3336, 3330, 6)] {
            assert_eq!((tens.floor(amount), tens.excess(amount)), (floor, excess));
            assert_eq!(AmountStep::MINOR.floor(amount), amount);
        }
        assert!(tens.is_nothing(9) && !tens.is_nothing(10));
        assert!(AmountStep::MINOR.is_nothing(0) && !AmountStep::MINOR.is_nothing(1));
    }
}
