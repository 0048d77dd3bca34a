//! What was credited of an order, by part.

use std::collections::HashMap;

use crate::domain::credit::{Credit, CreditPart};

/// What was credited of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credited {
    pub(crate) units: i32,
    /// The part of the units that came back.
    pub(crate) returned_units: i32,
    pub(crate) amount_minor: i64,
    /// The part of the amount that was credited for units.
    pub(crate) for_units_minor: i64,
    /// The part of the amount that was credited for returns.
    pub(crate) returned_minor: i64,
}

/// What was credited of a line.
pub(crate) fn credited_of_line(counted: &[Credit], number: i32) -> Credited {
    let part = CreditPart::Line {
        number,
        quantity: None,
    };
    sums(counted).get(&part).copied().unwrap_or_default()
}

/// What was credited, by part and regardless of units.
pub(crate) fn sums(credits: &[Credit]) -> HashMap<CreditPart, Credited> {
    let mut sums = HashMap::<CreditPart, Credited>::new();
    for credit in credits {
        let sum = sums.entry(key(credit.part)).or_default();
        sum.amount_minor += credit.amount_minor;
        let units = credit.part.line().1;
        if units.is_some() || credit.return_id.is_some() {
            sum.for_units_minor += credit.amount_minor;
        }
        sum.units += units.unwrap_or_default();
        if credit.return_id.is_some() {
            sum.returned_units += units.unwrap_or_default();
            sum.returned_minor += credit.amount_minor;
        }
    }
    sums
}

/// The part without its units.
pub(crate) fn key(part: CreditPart) -> CreditPart {
    match part {
        CreditPart::Line { number, .. } => CreditPart::Line {
            number,
            quantity: None,
        },
        part => part,
    }
}
