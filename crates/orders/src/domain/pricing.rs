//! What an order costs: the prices of its lines, and the adjustments that the storefront sends. Adjustments are checked
//! and apportioned here, and never computed.

use oms_inventory::PriceListCode;
use oms_validation::{Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope};
use crate::domain::apportion::apportion;
use crate::domain::line::OrderLine;

/// What a request says of an order's money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedPricing {
    /// The currency; `None` for the tenant's default.
    pub currency: Option<Currency>,
    /// The list whose prices apply before the base prices.
    pub price_list: Option<PriceListCode>,
    /// Unit prices that the customer has seen, by the position of the line, which begins with 0.
    pub expected_unit_prices: Vec<(usize, Money)>,
    /// Discounts, taxes, shipping and fees.
    pub adjustments: Vec<Adjustment>,
    /// The total that the customer has seen.
    pub expected_total: Option<Money>,
}

/// The total of an order, and what it consists of. All amounts are in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    /// The prices of the lines.
    pub items_minor: i64,
    /// Discounts; not positive.
    pub discounts_minor: i64,
    /// Taxes that are not included in prices.
    pub taxes_minor: i64,
    /// Shipping.
    pub shipping_minor: i64,
    /// Other charges.
    pub fees_minor: i64,
    /// Duties.
    pub duties_minor: i64,
    /// The sum of all of these.
    pub total_minor: i64,
}

/// Why adjustments are refused. The index is that of the first adjustment that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAdjustments {
    /// Discounts exceed what they apply to.
    DiscountTooLarge(usize),
    /// Included taxes exceed what they are included in.
    TaxTooLarge(usize),
    /// The total or a part of it is too large.
    Overflow,
}

/// Applies adjustments: stores each line's share of the total in it, and returns the breakdown of the total. The shares
/// of the lines, [`shipping`] and [`fees`] sum to the total.
///
/// Order-wide discounts are apportioned by what is left of each line after its own discounts, so that no line costs less
/// than nothing; order-wide taxes by what is left after all discounts.
pub(crate) fn apply(
    lines: &mut [OrderLine],
    adjustments: &[Adjustment],
) -> Result<Breakdown, InvalidAdjustments> {
    let prices: Vec<i128> = lines
        .iter()
        .map(|line| i128::from(line.unit_price.amount_minor) * i128::from(line.quantity))
        .collect();
    let discounted = discounted(&prices, adjustments)?;
    check_included(&discounted, adjustments)?;
    let on_order = |kind| sum(adjustments, kind, AdjustmentScope::Order);
    let taxes = apportion(on_order(AdjustmentKind::Tax), &discounted);
    for (index, line) in lines.iter_mut().enumerate() {
        let scope = AdjustmentScope::Line(number_of(index));
        let charges: i128 = AdjustmentKind::ALL
            .into_iter()
            .filter(|kind| *kind != AdjustmentKind::Discount)
            .map(|kind| sum(adjustments, kind, scope))
            .sum();
        let payable = discounted[index] + charges + taxes[index];
        line.payable.amount_minor = minor(payable)?;
    }
    breakdown(&prices, adjustments)
}

/// The part of the total that is for shipping.
pub(crate) fn shipping(adjustments: &[Adjustment]) -> i64 {
    let of_shipping = adjustments
        .iter()
        .filter(|it| it.scope == AdjustmentScope::Shipping);
    of_shipping.map(Adjustment::change_minor).sum()
}

/// The part of the total that is for fees and duties of the whole order.
pub(crate) fn fees(adjustments: &[Adjustment]) -> i64 {
    let is_fee = |it: &&Adjustment| {
        it.scope == AdjustmentScope::Order
            && matches!(it.kind, AdjustmentKind::Fee | AdjustmentKind::Duty)
    };
    let of_order = adjustments.iter().filter(is_fee);
    of_order.map(Adjustment::change_minor).sum()
}

/// What is left of each line after its own discounts and its share of the order's.
fn discounted(
    prices: &[i128],
    adjustments: &[Adjustment],
) -> Result<Vec<i128>, InvalidAdjustments> {
    let mut left = prices.to_vec();
    let discounts = || {
        let all = adjustments.iter().enumerate();
        all.filter(|(_, it)| it.kind == AdjustmentKind::Discount)
    };
    for (index, discount) in discounts() {
        if let AdjustmentScope::Line(number) = discount.scope {
            let line = &mut left[index_of(number)];
            *line += i128::from(discount.amount_minor);
            if *line < 0 {
                return Err(InvalidAdjustments::DiscountTooLarge(index));
            }
        }
    }
    let charged = sum(
        adjustments,
        AdjustmentKind::Shipping,
        AdjustmentScope::Shipping,
    );
    for (scope, mut rest) in [
        (AdjustmentScope::Order, left.iter().sum::<i128>()),
        (AdjustmentScope::Shipping, charged),
    ] {
        for (index, discount) in discounts().filter(|(_, it)| it.scope == scope) {
            rest += i128::from(discount.amount_minor);
            if rest < 0 {
                return Err(InvalidAdjustments::DiscountTooLarge(index));
            }
        }
    }
    let off = -sum(
        adjustments,
        AdjustmentKind::Discount,
        AdjustmentScope::Order,
    );
    let shares = apportion(off, &left);
    let left = left.into_iter().zip(shares);
    Ok(left.map(|(left, share)| left - share).collect())
}

/// Checks that included taxes are at most what they are included in.
fn check_included(
    discounted: &[i128],
    adjustments: &[Adjustment],
) -> Result<(), InvalidAdjustments> {
    let mut of_lines = discounted.to_vec();
    let mut of_order: i128 = discounted.iter().sum();
    let mut of_shipping = sum(
        adjustments,
        AdjustmentKind::Shipping,
        AdjustmentScope::Shipping,
    ) + sum(
        adjustments,
        AdjustmentKind::Discount,
        AdjustmentScope::Shipping,
    );
    for (index, tax) in adjustments.iter().enumerate().filter(|(_, it)| it.included) {
        let rest = match tax.scope {
            AdjustmentScope::Line(number) => &mut of_lines[index_of(number)],
            AdjustmentScope::Shipping => &mut of_shipping,
            AdjustmentScope::Order | AdjustmentScope::Other(_) => &mut of_order,
        };
        *rest -= i128::from(tax.amount_minor);
        if *rest < 0 {
            return Err(InvalidAdjustments::TaxTooLarge(index));
        }
    }
    Ok(())
}

fn breakdown(prices: &[i128], adjustments: &[Adjustment]) -> Result<Breakdown, InvalidAdjustments> {
    let of_kind = |kind| -> i128 {
        let of_kind = adjustments.iter().filter(|it| it.kind == kind);
        of_kind.map(|it| i128::from(it.change_minor())).sum()
    };
    let items: i128 = prices.iter().sum();
    let total = items + AdjustmentKind::ALL.into_iter().map(of_kind).sum::<i128>();
    let total_minor = minor(total)?;
    match total_minor <= Money::MAX_MINOR {
        true => Ok(Breakdown {
            items_minor: minor(items)?,
            discounts_minor: minor(of_kind(AdjustmentKind::Discount))?,
            taxes_minor: minor(of_kind(AdjustmentKind::Tax))?,
            shipping_minor: minor(of_kind(AdjustmentKind::Shipping))?,
            fees_minor: minor(of_kind(AdjustmentKind::Fee))?,
            duties_minor: minor(of_kind(AdjustmentKind::Duty))?,
            total_minor,
        }),
        false => Err(InvalidAdjustments::Overflow),
    }
}

/// The sum by which adjustments of this kind and scope change the total.
fn sum(adjustments: &[Adjustment], kind: AdjustmentKind, scope: AdjustmentScope) -> i128 {
    let counts = |it: &&Adjustment| it.kind == kind && it.scope == scope;
    let counted = adjustments.iter().filter(counts);
    counted.map(|it| i128::from(it.change_minor())).sum()
}

fn minor(amount: i128) -> Result<i64, InvalidAdjustments> {
    i64::try_from(amount).map_err(|_| InvalidAdjustments::Overflow)
}

/// The number of the line at this position.
fn number_of(index: usize) -> i32 {
    i32::try_from(index + 1).expect("an order has at most 100 lines")
}

/// The position of the line with this number.
fn index_of(number: i32) -> usize {
    usize::try_from(number - 1).expect("a request names only lines that it has")
}

#[cfg(test)]
mod tests;
