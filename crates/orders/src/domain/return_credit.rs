//! What customers are credited for the units that they send back.

use std::collections::BTreeMap;

use oms_fulfilment::{Fulfilment, Return, ReturnLine};

use crate::domain::apportion::share_of_first;
use crate::domain::credit::{Credit, CreditPart};
use crate::domain::order::Order;
use crate::domain::pricing;
use crate::domain::refund_plan::{Credited, credited_of_line};
use crate::domain::return_terms::{CreditOn, RefundShipping, ReturnTerms, WHOLE_PPM};

/// Units of an order's lines, by their numbers, as far as they decide what is credited.
#[derive(Clone, Debug, Default)]
pub(crate) struct GoodsOfLines {
    /// Units that will not be sent.
    pub(crate) unsent: BTreeMap<i32, i32>,
    /// Units of returns that are accepted, except of returns that an operator refunds.
    pub(crate) accepted: BTreeMap<i32, i32>,
}

impl GoodsOfLines {
    /// The units of an order.
    pub(crate) fn of(known: &Fulfilment) -> Self {
        let mut goods = Self::default();
        for line in known.fulfilment_orders.iter().flat_map(|it| &it.lines) {
            *goods.unsent.entry(line.number).or_default() += line.cancelled + line.frozen;
        }
        let is_credited = |it: &&Return| {
            let terms = ReturnTerms::stored(&it.terms);
            it.counts() && terms.credit_on != CreditOn::Manual
        };
        let returns = known.returns.iter().filter(is_credited);
        for line in returns.flat_map(|it| &it.lines) {
            *goods.accepted.entry(line.number).or_default() += line.accepted;
        }
        goods
    }
}

fn units(of: &BTreeMap<i32, i32>, line: i32) -> i32 {
    of.get(&line).copied().unwrap_or_default()
}

/// What is credited for the lines of a return whose units were accepted just now, and for shipping, less the fee.
/// `counted` are the order's credits that count, and `owed_minor` is what is owed before.
///
/// The units of a line that came back cost its first shares, so that any sequence of returns sums to the line's share.
/// What was refunded for units before counts as refunded for these: too little can be refunded later, and too much
/// can't be taken back. The fee is a part of what the return's lines are credited, rounded down for the whole return.
pub(crate) fn plan_return(
    order: &Order,
    counted: &[Credit],
    owed_minor: i64,
    goods: &GoodsOfLines,
    it: &Return,
) -> Vec<(CreditPart, i64)> {
    let terms = ReturnTerms::stored(&it.terms);
    let of_line = |line: &ReturnLine| credit_of_line(order, counted, goods, line.number);
    let mut planned: Vec<(CreditPart, i64)> = it.lines.iter().filter_map(of_line).collect();
    if let Some(shipping) = shipping(order, counted, goods, terms.refund_shipping) {
        planned.push((CreditPart::Shipping, shipping));
    }
    let fee = fee(counted, &planned, it, terms.restocking_fee_ppm);
    let sum = |credits: &[(CreditPart, i64)]| credits.iter().map(|(_, amount)| amount).sum::<i64>();
    let mut excess = (sum(&planned) - fee - owed_minor.max(0)).max(0);
    for (_, amount) in planned.iter_mut().rev() {
        let less = excess.min(*amount);
        *amount -= less;
        excess -= less;
    }
    planned.retain(|(_, amount)| *amount > 0);
    let fee = fee.min(sum(&planned));
    if fee > 0 {
        planned.push((CreditPart::RestockingFee, -fee));
    }
    planned
}

/// What all returnable units of a line would be credited, without shipping and fee.
pub(crate) fn credit_of_units(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    line: i32,
    returnable: i32,
) -> i64 {
    let mut goods = goods.clone();
    *goods.accepted.entry(line).or_default() += returnable;
    credit_of_line(order, counted, &goods, line).map_or(0, |(_, amount)| amount)
}

fn credit_of_line(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    number: i32,
) -> Option<(CreditPart, i64)> {
    let position = usize::try_from(number - 1).ok()?;
    let line = order.lines.get(position)?;
    let before: Credited = credited_of_line(counted, number);
    let (payable, sent) = (
        line.payable.amount_minor,
        line.quantity - units(&goods.unsent, number),
    );
    let share = |units| share_of_first(payable, units, line.quantity);
    let accepted = units(&goods.accepted, number).min(sent);
    let due = payable - share(sent) + share(accepted);
    let left = payable - before.amount_minor;
    let amount = (due - before.for_units_minor).min(left);
    let new = accepted - before.returned_units;
    let quantity = new.min(line.quantity - before.units);
    let quantity = (quantity > 0).then_some(quantity);
    (amount > 0).then_some((CreditPart::Line { number, quantity }, amount))
}

/// What is left of shipping, if it is credited now.
fn shipping(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    when: RefundShipping,
) -> Option<i64> {
    let is_due = match when {
        RefundShipping::Never => false,
        RefundShipping::Always => goods.accepted.values().any(|units| *units > 0),
        RefundShipping::OnFullReturn => {
            let is_back = |(number, line): (i32, &crate::domain::line::OrderLine)| {
                units(&goods.accepted, number) + units(&goods.unsent, number) >= line.quantity
            };
            (1..).zip(&order.lines).all(is_back)
        }
    };
    let of_shipping = counted.iter().filter(|it| it.part == CreditPart::Shipping);
    let before: i64 = of_shipping.map(|credit| credit.amount_minor).sum();
    let left = pricing::shipping(&order.adjustments) - before;
    (is_due && left > 0).then_some(left)
}

/// The part of the fee of a return that its credits don't contain yet.
fn fee(counted: &[Credit], planned: &[(CreditPart, i64)], it: &Return, fee_ppm: u32) -> i64 {
    let is_liable = |part: CreditPart| {
        let line = part.line().0;
        let mut lines = it.lines.iter();
        lines.any(|of| Some(of.number) == line && of.reason.is_customers_choice())
    };
    let of_return = || {
        counted
            .iter()
            .filter(|credit| credit.return_id == Some(it.id))
    };
    let before = of_return().map(|credit| (credit.part, credit.amount_minor));
    let liable: i64 = before
        .chain(planned.iter().copied())
        .filter(|(part, _)| is_liable(*part))
        .map(|(_, amount)| amount)
        .sum();
    let charged = of_return().filter(|credit| credit.part == CreditPart::RestockingFee);
    let charged: i64 = charged.map(|credit| -credit.amount_minor).sum();
    let whole = i128::from(liable) * i128::from(fee_ppm) / i128::from(WHOLE_PPM);
    let whole = i64::try_from(whole).expect("a part of an amount is not larger than the amount");
    (whole - charged).max(0)
}

#[cfg(test)]
mod tests;
