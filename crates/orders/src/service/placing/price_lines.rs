//! Current prices of order lines.

use oms_database::Statement;
use oms_inventory::{Demand, PriceQuote, ProductId, Quotes, quote_prices};
use oms_payments::AmountRefusal;
use oms_validation::{Currency, Money, TenantId};

use crate::context::OrderContext;
use crate::domain::line::{OrderLine, RequestedLine, total};
use crate::error::PlacingError;

/// The lines of an order with their prices, and their total.
#[derive(Debug)]
pub(crate) struct PricedLines {
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Money,
    pub(crate) demand: Demand,
}

/// Looks up the prices of all lines.
pub(crate) fn quote_lines<'q, 'l>(
    context: &OrderContext,
    tenant: TenantId,
    lines: impl Iterator<Item = &'l RequestedLine>,
) -> Statement<'q, Quotes> {
    let mut products: Vec<ProductId> = lines.map(|line| line.product_id).collect();
    products.sort_unstable();
    products.dedup();
    quote_prices(tenant, context.settings.currency, &products)
}

/// The quantity of each product that an order requests.
pub(crate) fn demand_of(requested: &[RequestedLine]) -> Demand {
    let lines = requested
        .iter()
        .map(|line| (line.product_id, line.quantity));
    Demand::from_lines(lines)
        .expect("a request has lines, and their quantities were checked when it was read")
}

/// Returns the lines of an order with their prices, or the reason why they can't be sold.
pub(crate) fn price_lines(
    context: &OrderContext,
    requested: &[RequestedLine],
    currency: Currency,
    quotes: &Quotes,
) -> Result<PricedLines, PlacingError> {
    let (mut lines, mut unknown, mut not_sold) = (Vec::new(), Vec::new(), Vec::new());
    for (index, line) in requested.iter().enumerate() {
        match quotes.of(line.product_id) {
            PriceQuote::UnitPrice(unit_price) => lines.push(OrderLine {
                product_id: line.product_id,
                quantity: line.quantity,
                unit_price,
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
    let total = total(currency, &lines).map_err(|_| PlacingError::TotalTooLarge)?;
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
