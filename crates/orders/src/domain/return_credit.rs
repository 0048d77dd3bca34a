//! What customers are credited for the units that they send back.

use std::collections::BTreeMap;

use oms_fulfilment::{Return, ReturnId, ReturnLine};
use oms_payments::AmountStep;

use crate::domain::credit::{Credit, CreditPart};
use crate::domain::credited::credited_of_line;
use crate::domain::goods_of_lines::{GoodsOfLines, due_for_units, is_credited};
use crate::domain::order::Order;
use crate::domain::pricing;
use crate::domain::return_terms::{RefundShipping, ReturnTerms, WHOLE_PPM};

/// Credits to grant, by the return that they are for.
pub(crate) type PlannedReturns = BTreeMap<ReturnId, Vec<(CreditPart, i64)>>;

/// What is credited for all units that were accepted of an order's returns and are not credited yet, and for shipping,
/// less the fees. `counted` are the order's credits that count, `owed_minor` is what is owed before, and `goods` are the
/// units except those of returns that are credited automatically.
///
/// Planning again plans nothing until something changes. So it is repeated whenever more may be due: units were accepted
/// or cancelled, or a refund failed that left nothing to credit. A fee is a part of what the return's lines are
/// credited, rounded down for the whole return. A sum that the gateway can't express is rounded down, too; the rest
/// stays with the lines, and is credited with further units.
pub(crate) fn plan_returns(
    order: &Order,
    counted: &[Credit],
    owed_minor: i64,
    mut goods: GoodsOfLines,
    returns: &[Return],
    step: AmountStep,
) -> PlannedReturns {
    let (mut counted, mut owed) = (counted.to_vec(), owed_minor.max(0));
    let mut all: Vec<(ReturnId, (CreditPart, i64))> = Vec::new();
    let accepted = |it: &&Return| is_credited(it) && it.lines.iter().any(|it| it.accepted > 0);
    let mut returns: Vec<&Return> = returns.iter().filter(accepted).collect();
    // Units count in the order in which they were credited, so that each return is credited for its own.
    returns.sort_by_key(|it| has_uncredited(&counted, it));
    for it in &returns {
        goods.accept(it);
        let planned = plan_return(order, &counted, owed, &goods, it);
        owed -= sum_of(&planned);
        counted.extend(planned.iter().map(|planned| as_credit(it.id, *planned)));
        all.extend(planned.into_iter().map(|planned| (it.id, planned)));
    }
    // Whether everything came back is known only now.
    for it in &returns {
        let when = ReturnTerms::stored(&it.terms).refund_shipping;
        let is_due = is_shipping_due(order, &goods, it, when);
        let amount = left_of_shipping(order, &counted).min(owed);
        if is_due && amount > 0 {
            let planned = (CreditPart::Shipping, amount);
            owed -= amount;
            counted.push(as_credit(it.id, planned));
            all.push((it.id, planned));
        }
    }
    round_down(&mut all, step);
    let mut planned = PlannedReturns::new();
    for (id, credit) in all {
        planned.entry(id).or_default().push(credit);
    }
    planned
}

fn sum_of(credits: &[(CreditPart, i64)]) -> i64 {
    credits.iter().map(|(_, amount)| amount).sum()
}

/// A planned credit, as the plans after it count it.
fn as_credit(return_id: ReturnId, (part, amount_minor): (CreditPart, i64)) -> Credit {
    Credit {
        id: uuid::Uuid::nil().into(),
        part,
        amount_minor,
        refund_id: None,
        created_at: chrono::DateTime::UNIX_EPOCH,
        return_id: Some(return_id),
    }
}

/// Whether units of a return were accepted that no credit is for.
fn has_uncredited(counted: &[Credit], it: &Return) -> bool {
    let credited = |number: i32| -> i32 {
        let of_return = counted
            .iter()
            .filter(|credit| credit.return_id == Some(it.id));
        let parts = of_return.map(|credit| credit.part.line());
        let units = parts.filter(|(line, _)| *line == Some(number));
        units.filter_map(|(_, units)| units).sum()
    };
    it.lines
        .iter()
        .any(|line| line.accepted > credited(line.number))
}

/// What is credited for the lines of a return, less its fee, when its units are the last of those that were accepted.
fn plan_return(
    order: &Order,
    counted: &[Credit],
    owed_minor: i64,
    goods: &GoodsOfLines,
    it: &Return,
) -> Vec<(CreditPart, i64)> {
    let of_line = |line: &ReturnLine| credit_of_line(order, counted, goods, line.number);
    let mut planned: Vec<(CreditPart, i64)> = it.lines.iter().filter_map(of_line).collect();
    let terms = ReturnTerms::stored(&it.terms);
    let fee = fee(counted, &planned, it, terms.restocking_fee_ppm);
    let excess = (sum_of(&planned) - fee - owed_minor).max(0);
    lower(planned.iter_mut().map(|(_, amount)| amount), excess);
    planned.retain(|(_, amount)| *amount > 0);
    let fee = fee.min(sum_of(&planned));
    if fee > 0 {
        planned.push((CreditPart::RestockingFee, -fee));
    }
    planned
}

/// Lowers credits, the last ones first, until the gateway can express their sum.
fn round_down(planned: &mut Vec<(ReturnId, (CreditPart, i64))>, step: AmountStep) {
    let excess = step.excess(planned.iter().map(|(_, (_, amount))| amount).sum());
    lower(planned.iter_mut().map(|(_, (_, amount))| amount), excess);
    planned.retain(|(_, (_, amount))| *amount != 0);
    if planned.iter().all(|(_, (_, amount))| *amount < 0) {
        planned.clear();
    }
}

/// Takes an excess from amounts, the last ones first. Fees stay as they are.
fn lower<'a>(amounts: impl DoubleEndedIterator<Item = &'a mut i64>, mut excess: i64) {
    for amount in amounts.rev() {
        let less = excess.min((*amount).max(0));
        *amount -= less;
        excess -= less;
    }
}

/// What all returnable units of a line would be credited, without shipping and fee, if this much is owed.
pub(crate) fn credit_of_units(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    owed_minor: i64,
    (line, returnable): (i32, i32),
) -> i64 {
    let mut goods = goods.clone();
    goods.line_mut(line).accepted += returnable;
    let credit = credit_of_line(order, counted, &goods, line);
    credit.map_or(0, |(_, amount)| amount.min(owed_minor.max(0)))
}

fn credit_of_line(
    order: &Order,
    counted: &[Credit],
    goods: &GoodsOfLines,
    number: i32,
) -> Option<(CreditPart, i64)> {
    let position = usize::try_from(number - 1).ok()?;
    let line = order.lines.get(position)?;
    let (before, goods) = (credited_of_line(counted, number), goods.line(number));
    let left = line.payable.amount_minor - before.amount_minor;
    let unsent = goods.cancelled + goods.frozen;
    let amount = due_for_units(line, &before, goods, unsent).min(left);
    let accepted = goods.accepted.min(line.quantity - unsent);
    let new = accepted - before.returned_units;
    let quantity = new.min(line.quantity - before.units);
    let quantity = (quantity > 0).then_some(quantity);
    (amount > 0).then_some((CreditPart::Line { number, quantity }, amount))
}

/// Whether the terms of a return, of which units were accepted, have shipping credited now.
fn is_shipping_due(order: &Order, goods: &GoodsOfLines, it: &Return, when: RefundShipping) -> bool {
    match when {
        RefundShipping::Never => false,
        RefundShipping::Always => it.lines.iter().any(|line| line.accepted > 0),
        RefundShipping::OnFullReturn => {
            let is_back = |(number, line): (i32, &crate::domain::line::OrderLine)| {
                let of_line = goods.line(number);
                of_line.accepted + of_line.manual + of_line.cancelled >= line.quantity
            };
            (1..).zip(&order.lines).all(is_back)
        }
    }
}

fn left_of_shipping(order: &Order, counted: &[Credit]) -> i64 {
    let of_shipping = counted.iter().filter(|it| it.part == CreditPart::Shipping);
    let before: i64 = of_shipping.map(|credit| credit.amount_minor).sum();
    pricing::shipping(&order.adjustments) - before
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
