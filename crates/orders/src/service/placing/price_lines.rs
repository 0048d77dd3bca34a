//! Current prices of order lines, and the total of an order.

use oms_inventory::{Demand, PriceQuote, PriceRequest, Quotes};
use oms_payments::AmountRefusal;
use oms_validation::{Currency, Money};

use crate::context::OrderContext;
use crate::domain::line::{OrderLine, RequestedLine};
use crate::domain::pricing::{self, RequestedPricing};
use crate::error::PlacingError;

/// The lines of an order with their prices and shares, and their total.
#[derive(Debug)]
pub(crate) struct PricedLines {
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Money,
    pub(crate) demand: Demand,
}

/// How the lines of an order are priced.
pub(crate) fn price_request<'a>(
    requested: &[RequestedLine],
    currency: Currency,
    pricing: &'a RequestedPricing,
) -> PriceRequest<'a> {
    let lines = requested
        .iter()
        .map(|line| (line.product_id, line.quantity));
    PriceRequest {
        currency,
        price_list: pricing.price_list.as_ref(),
        lines: lines.collect(),
    }
}

/// The quantity of each product that an order requests.
pub(crate) fn demand_of(requested: &[RequestedLine]) -> Demand {
    let lines = requested
        .iter()
        .map(|line| (line.product_id, line.quantity));
    Demand::from_lines(lines)
        .expect("a request has lines, and their quantities were checked when it was read")
}

/// Returns the lines of an order with their prices and shares, or the reason why they can't be sold so.
pub(crate) fn price_lines(
    context: &OrderContext,
    requested: &[RequestedLine],
    currency: Currency,
    pricing: &RequestedPricing,
    quotes: &Quotes,
) -> Result<PricedLines, PlacingError> {
    let mut lines = lines_of(requested, currency, pricing, quotes)?;
    check_prices(&lines, pricing)?;
    let breakdown = pricing::apply(&mut lines, &pricing.adjustments)?;
    let total = Money {
        amount_minor: breakdown.total_minor,
        currency,
    };
    if pricing.expected_total.is_some_and(|it| it != total) {
        return Err(PlacingError::TotalMismatch {
            breakdown,
            currency,
        });
    }
    match context.gateway.check_amount(total) {
        Ok(()) => {}
        Err(AmountRefusal::TooLarge { .. }) => return Err(PlacingError::TotalTooLarge),
        Err(refusal @ AmountRefusal::Step { .. }) => return Err(PlacingError::NotPayable(refusal)),
    }
    Ok(PricedLines {
        demand: demand_of(requested),
        lines,
        total,
    })
}

fn lines_of(
    requested: &[RequestedLine],
    currency: Currency,
    pricing: &RequestedPricing,
    quotes: &Quotes,
) -> Result<Vec<OrderLine>, PlacingError> {
    let list = pricing.price_list.as_ref();
    if let Some(list) = list {
        match quotes.list_currency(list) {
            None => return Err(PlacingError::UnknownPriceList),
            Some(other) if other != currency => return Err(PlacingError::PriceListCurrency(other)),
            Some(_) => {}
        }
    }
    let (mut lines, mut unknown, mut not_sold) = (Vec::new(), Vec::new(), Vec::new());
    for (index, line) in requested.iter().enumerate() {
        match quotes.of((line.product_id, line.quantity), currency, list) {
            PriceQuote::UnitPrice(unit_price) => lines.push(OrderLine {
                product_id: line.product_id,
                quantity: line.quantity,
                unit_price,
                payable: Money::zero(currency),
            }),
            PriceQuote::NotSoldIn(_) => not_sold.push(index),
            PriceQuote::UnknownProduct => unknown.push(index),
        }
    }
    if !unknown.is_empty() {
        return Err(PlacingError::UnknownProducts(unknown));
    }
    if !not_sold.is_empty() {
        return Err(PlacingError::ProductsNotSold(not_sold));
    }
    Ok(lines)
}

/// Checks that the unit prices are those that the customer has seen.
fn check_prices(lines: &[OrderLine], pricing: &RequestedPricing) -> Result<(), PlacingError> {
    let expected = pricing.expected_unit_prices.iter();
    let changed = expected.filter_map(|(index, expected)| {
        let current = lines[*index].unit_price;
        (current != *expected).then_some((*index, current))
    });
    let changed: Vec<(usize, Money)> = changed.collect();
    match changed.is_empty() {
        true => Ok(()),
        false => Err(PlacingError::PricesChanged(changed)),
    }
}
