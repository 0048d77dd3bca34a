//! Lines of returns, and what may be returned of an order's lines.

use std::collections::BTreeMap;

use oms_validation::ProductId;
use serde::{Deserialize, Serialize};

use crate::domain::line::{MAX_UNITS, MAX_UNITS_LINES};
use crate::domain::returns::refusal::ReturnRefusal;
use crate::domain::returns::words::ReturnReason;

/// A line of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnLine {
    /// Its number in the order.
    pub number: i32,
    /// The product.
    pub product_id: ProductId,
    /// Units that are to come back.
    pub quantity: i32,
    /// Why.
    pub reason: ReturnReason,
    /// Units that are for sale again.
    pub restocked: i32,
    /// Units that are in stock, and not for sale until somebody has checked them.
    pub quarantined: i32,
    /// Units that arrived and were thrown away.
    pub discarded: i32,
    /// Units that did not arrive.
    pub missing: i32,
    /// Units for which the customer has done enough: those received, and those that need not be sent back.
    pub accepted: i32,
}

/// What was done with the units of a line, each at least 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Units that are for sale again.
    pub restock: i32,
    /// Units that are in stock, and not for sale until somebody has checked them.
    pub quarantine: i32,
    /// Units that arrived and were thrown away.
    pub discard: i32,
    /// Units that did not arrive.
    pub missing: i32,
}

/// The error for received units that violate the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReceipt {
    /// There are no lines, or too many.
    #[error("must have 1 to {MAX_UNITS_LINES} entries")]
    Count,
    /// The line at this index has no units, too many, or a quantity below 0.
    #[error("must have 1 to {MAX_UNITS} units")]
    Units(usize),
    /// The line at this index is a duplicate.
    #[error("must not be listed twice")]
    Twice(usize),
}

impl Received {
    /// Checks what was done with the units of lines: pairs of a line's number and restocked, quarantined, discarded and
    /// missing units.
    ///
    /// # Errors
    /// When there are none or too many lines, a line is listed twice, or a quantity or the sum of a line is out of range.
    pub fn of_lines(lines: &[(i32, [i64; 4])]) -> Result<BTreeMap<i32, Self>, InvalidReceipt> {
        if !(1..=MAX_UNITS_LINES).contains(&lines.len()) {
            return Err(InvalidReceipt::Count);
        }
        let mut received = BTreeMap::new();
        for (place, (line, units)) in lines.iter().enumerate() {
            let checked = units.map(|units| i32::try_from(units).ok().filter(|it| *it >= 0));
            let [
                Some(restock),
                Some(quarantine),
                Some(discard),
                Some(missing),
            ] = checked
            else {
                return Err(InvalidReceipt::Units(place));
            };
            let units = [restock, quarantine, discard, missing];
            let sum: i64 = units.into_iter().map(i64::from).sum();
            if !(1..=i64::from(MAX_UNITS)).contains(&sum) {
                return Err(InvalidReceipt::Units(place));
            }
            let units = Self {
                restock,
                quarantine,
                discard,
                missing,
            };
            if received.insert(*line, units).is_some() {
                return Err(InvalidReceipt::Twice(place));
            }
        }
        Ok(received)
    }

    /// Units that arrived.
    pub const fn arrived(&self) -> i32 {
        self.restock + self.quarantine + self.discard
    }
}

impl ReturnLine {
    /// Units that came back.
    pub const fn received(&self) -> i32 {
        self.restocked + self.quarantined + self.discarded
    }

    /// Units that are still to come. Of a closed return, those that the customer was credited for without sending them.
    pub const fn expected(&self) -> i32 {
        self.quantity - self.received() - self.missing
    }

    /// Adds units that were received.
    pub(crate) fn receive(&mut self, units: Received) -> Result<(), ReturnRefusal> {
        let wanted = units.arrived() + units.missing;
        if wanted > self.expected() {
            return Err(ReturnRefusal::MoreThanApproved {
                line: self.number,
                wanted,
                expected: self.expected(),
            });
        }
        self.restocked += units.restock;
        self.quarantined += units.quarantine;
        self.discarded += units.discard;
        self.missing += units.missing;
        self.accepted = self.accepted.max(self.received());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_units_are_counted_and_within_limits() {
        let of = |lines: &[(i32, [i64; 4])]| Received::of_lines(lines);
        let all = of(&[(1, [1, 2, 3, 4]), (2, [0, 0, 0, 1])]).unwrap();
        assert_eq!((all[&1].arrived(), all[&2].arrived()), (6, 0));
        assert_eq!(of(&[]), Err(InvalidReceipt::Count));
        let many: Vec<_> = (1..=101).map(|line| (line, [1, 0, 0, 0])).collect();
        assert_eq!(of(&many), Err(InvalidReceipt::Count));
        assert!(of(&many[..100]).is_ok());
        for wrong in [
            [0, 0, 0, 0],
            [-1, 2, 0, 0],
            [1_000_000, 0, 0, 1],
            [i64::MAX, 0, 0, 0],
        ] {
            assert_eq!(
                of(&[(1, wrong)]),
                Err(InvalidReceipt::Units(0)),
                "{wrong:?}"
            );
        }
        let twice = [(1, [1, 0, 0, 0]), (1, [1, 0, 0, 0])];
        assert_eq!(of(&twice), Err(InvalidReceipt::Twice(1)));
    }
}
