//! Turns the parts of an order that a request refunds into credits.

use std::collections::HashMap;

use oms_payments::AmountStep;
use oms_validation::{Currency, Money};

use crate::domain::apportion::share_of_first;
use crate::domain::credit::{Credit, CreditPart};
use crate::domain::credited::{Credited, credited_of_line, key, sums};
use crate::domain::goods_of_lines::{GoodsOfLines, due_for_units};
use crate::domain::order::Order;
use crate::domain::pricing;

/// The parts of an order that a request refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedParts {
    /// Lines, each at most once.
    pub lines: Vec<RequestedCredit>,
    /// This much of shipping.
    pub shipping: Option<Money>,
    /// This much of the fees and duties of the whole order.
    pub fees: Option<Money>,
    /// The sum that the caller expects.
    pub expected: Option<Money>,
}

/// What a request refunds of a line: the share of some units, an amount, or an amount for some units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedCredit {
    /// The number of the line, which begins with 1.
    pub line: i32,
    /// The number of units.
    pub quantity: Option<i32>,
    /// The amount; `None` for the share of the units.
    pub amount: Option<Money>,
}

impl RequestedParts {
    /// Whether this request may have made these credits. An amount that the request does not name is not compared.
    pub(crate) fn made(&self, credits: &[Credit]) -> bool {
        let lines = self.lines.iter().map(|requested| {
            let part = CreditPart::Line {
                number: requested.line,
                quantity: requested.quantity,
            };
            (part, requested.amount)
        });
        let others = [
            (CreditPart::Shipping, self.shipping),
            (CreditPart::Fee, self.fees),
        ];
        let others = others.into_iter().filter(|(_, amount)| amount.is_some());
        let requested: HashMap<CreditPart, Option<Money>> = lines.chain(others).collect();
        let made = |credit: &Credit| {
            let requested = requested.get(&credit.part);
            requested.is_some_and(|amount| {
                amount.is_none_or(|amount| amount.amount_minor == credit.amount_minor)
            })
        };
        // Each requested part has one credit.
        credits.len() == requested.len() && credits.iter().all(made)
    }
}

/// Why parts can't be refunded. An index is the position in the request's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidParts {
    /// The order has no such line.
    UnknownLine(usize),
    /// More units than the line has left.
    TooManyUnits {
        /// The line of the request.
        index: usize,
        /// What is left.
        left: i32,
    },
    /// More than is left of a part.
    TooMuch {
        /// The line of the request; `None` for shipping and fees.
        index: Option<usize>,
        /// The part.
        part: CreditPart,
        /// What is left of it, in minor units.
        left_minor: i64,
    },
    /// An amount in another currency than the order's.
    Currency(Currency),
    /// The parts sum to another amount than expected.
    NotAsExpected(Money),
    /// Nothing is left of what was paid for the line, the units have no share in it, or their share is less than the
    /// gateway can refund.
    Nothing(usize),
}

/// Turns requested parts into credits, one for each, and their sum. `counted` are the order's credits that count.
///
/// Units cost what they add to the line's share: those after the first `i` up to `j` cost the share of `j` less the
/// share of `i`, so that any sequence of refunds sums to the line's share. They cost at most what is left of it.
///
/// A sum that the gateway can't express is rounded down, unless the request names all amounts. The rest stays with the
/// lines, and is part of what is left of them.
pub(crate) fn plan(
    order: &Order,
    counted: &[Credit],
    parts: &RequestedParts,
    step: AmountStep,
) -> Result<(Vec<(CreditPart, i64)>, Money), InvalidParts> {
    let currency = order.total.currency;
    let credited = sums(counted);
    let mut planned = Vec::new();
    for (index, requested) in parts.lines.iter().enumerate() {
        planned.push(of_line(order, &credited, index, requested)?);
    }
    for (part, requested, paid) in [
        (
            CreditPart::Shipping,
            parts.shipping,
            pricing::shipping(&order.adjustments),
        ),
        (
            CreditPart::Fee,
            parts.fees,
            pricing::fees(&order.adjustments),
        ),
    ] {
        let Some(requested) = requested else { continue };
        let left = paid - credited.get(&key(part)).map_or(0, |it| it.amount_minor);
        planned.push((part, within(requested, currency, None, part, left)?));
    }
    let is_named = |index: usize| parts.lines.get(index).is_none_or(|it| it.amount.is_some());
    round_down(&mut planned, step, is_named);
    let lines = planned.iter().take(parts.lines.len());
    if let Some(index) = lines
        .map(|(_, amount)| amount)
        .position(|amount| *amount == 0)
    {
        return Err(InvalidParts::Nothing(index));
    }
    let sum = Money {
        amount_minor: planned.iter().map(|(_, amount)| amount).sum(),
        currency,
    };
    match parts.expected {
        Some(expected) if expected != sum => Err(InvalidParts::NotAsExpected(sum)),
        _ => Ok((planned, sum)),
    }
}

/// Turns frozen units into credits, and returns their sum. A line costs what is left of its share when only the other
/// units are paid ([`due_for_units`]). A line that costs nothing has no credit. A sum that the gateway can't express is
/// rounded down; the rest is refunded with further units of these lines.
pub(crate) fn plan_units(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    step: AmountStep,
) -> (Vec<(CreditPart, i64)>, Money) {
    let mut planned = Vec::new();
    for (number, line) in (1_i32..).zip(&order.lines) {
        let frozen = goods.line(number).frozen;
        let before = credited_of_line(counted, number);
        // What was refunded for no unit in particular comes off the last units.
        let for_no_unit = match before.units < line.quantity {
            true => 0,
            false => before.amount_minor - before.for_units_minor,
        };
        let goods = goods.line(number);
        let due = due_for_units(line, &before, goods, goods.cancelled) - for_no_unit;
        let amount = due.min(line.payable.amount_minor - before.amount_minor);
        if frozen > 0 && amount > 0 {
            let quantity = frozen.min(line.quantity - before.units);
            let quantity = (quantity > 0).then_some(quantity);
            planned.push((CreditPart::Line { number, quantity }, amount));
        }
    }
    round_down(&mut planned, step, |_| false);
    planned.retain(|(_, amount)| *amount > 0);
    let sum = Money {
        amount_minor: planned.iter().map(|(_, amount)| amount).sum(),
        currency: order.total.currency,
    };
    (planned, sum)
}

/// Lowers credits, the last ones first, until the gateway can express their sum. Those whose amount the request names
/// stay as they are, so that the sum may still have a rest.
fn round_down(
    planned: &mut [(CreditPart, i64)],
    step: AmountStep,
    is_named: impl Fn(usize) -> bool,
) {
    let mut excess = step.excess(planned.iter().map(|(_, amount)| amount).sum());
    for (index, (_, amount)) in planned.iter_mut().enumerate().rev() {
        if !is_named(index) {
            let lowered = excess.min(*amount);
            *amount -= lowered;
            excess -= lowered;
        }
    }
}

fn of_line(
    order: &Order,
    credited: &HashMap<CreditPart, Credited>,
    index: usize,
    requested: &RequestedCredit,
) -> Result<(CreditPart, i64), InvalidParts> {
    let (number, quantity) = (requested.line, requested.quantity);
    let position = usize::try_from(number - 1).ok();
    let line = position.and_then(|position| order.lines.get(position));
    let line = line.ok_or(InvalidParts::UnknownLine(index))?;
    let part = CreditPart::Line { number, quantity };
    let before = credited.get(&key(part)).copied().unwrap_or_default();
    let units_left = (line.quantity - before.units).max(0);
    if quantity.is_some_and(|quantity| quantity > units_left) {
        return Err(InvalidParts::TooManyUnits {
            index,
            left: units_left,
        });
    }
    let payable = line.payable.amount_minor;
    let left = (payable - before.amount_minor).max(0);
    let amount = match (requested.amount, quantity) {
        (Some(amount), _) => within(amount, order.total.currency, Some(index), part, left)?,
        (None, Some(quantity)) => {
            let share = |k| share_of_first(payable, k, line.quantity);
            (share(before.units + quantity) - share(before.units)).min(left)
        }
        (None, None) => left,
    };
    Ok((part, amount))
}

fn within(
    amount: Money,
    currency: Currency,
    index: Option<usize>,
    part: CreditPart,
    left_minor: i64,
) -> Result<i64, InvalidParts> {
    if amount.currency != currency {
        return Err(InvalidParts::Currency(currency));
    }
    match amount.amount_minor <= left_minor {
        true => Ok(amount.amount_minor),
        false => Err(InvalidParts::TooMuch {
            index,
            part,
            left_minor,
        }),
    }
}

#[cfg(test)]
mod tests;
