//! Current prices of order lines.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_inventory::{Demand, PriceQuote, ProductId, quote_prices};
use oms_validation::{Currency, InvalidAmount, Money, TenantId};

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

/// Prices the lines of several orders. For each order returns its priced lines, or why they can't be sold.
pub(crate) async fn price_lines(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    orders: &[&[RequestedLine]],
) -> Result<Vec<Result<PricedLines, PlacingError>>, DbError> {
    let currency = context.settings.currency;
    let lines = orders.iter().copied().flatten();
    let mut products: Vec<ProductId> = lines.map(|line| line.product_id).collect();
    products.sort_unstable();
    products.dedup();
    let quotes = quote_prices(connection, tenant, currency, &products).await?;
    let quotes: HashMap<ProductId, PriceQuote> = products.into_iter().zip(quotes).collect();
    let priced = orders.iter().map(|lines| price(lines, currency, &quotes));
    Ok(priced.collect())
}

fn price(
    requested: &[RequestedLine],
    currency: Currency,
    quotes: &HashMap<ProductId, PriceQuote>,
) -> Result<PricedLines, PlacingError> {
    let (mut lines, mut unknown, mut not_sold) = (Vec::new(), Vec::new(), Vec::new());
    for (index, line) in requested.iter().enumerate() {
        match quotes.get(&line.product_id) {
            Some(PriceQuote::UnitPrice(unit_price)) => lines.push(OrderLine {
                product_id: line.product_id,
                quantity: line.quantity,
                unit_price: *unit_price,
            }),
            Some(PriceQuote::NotSoldIn(_)) => not_sold.push(index),
            Some(PriceQuote::UnknownProduct) | None => unknown.push(index),
        }
    }
    if !unknown.is_empty() {
        return Err(PlacingError::UnknownProducts(unknown));
    }
    if !not_sold.is_empty() {
        return Err(PlacingError::ProductsNotSold(not_sold));
    }
    let total = total(currency, &lines).map_err(|_| PlacingError::TotalTooLarge)?;
    match currency.check_amount(total.amount_minor) {
        Ok(()) => {}
        Err(InvalidAmount::Range { .. }) => return Err(PlacingError::TotalTooLarge),
        // For prices that were set before amounts were validated.
        Err(error @ InvalidAmount::Step { .. }) => return Err(PlacingError::NotPayable(error)),
    }
    let demand = Demand::from_lines(lines.iter().map(|line| (line.product_id, line.quantity)));
    Ok(PricedLines {
        demand: demand.expect("a validated request has lines with valid quantities"),
        lines,
        total,
    })
}
