//! The prices of this moment.

use std::collections::HashMap;
use std::sync::Arc;

use oms_database::{Connection, DbError};
use oms_inventory::{Demand, PriceQuote, ProductId, RoutingRequest, quote_prices};
use oms_validation::{Currency, Money, TenantId};

use crate::context::OrderContext;
use crate::domain::line::{MAX_TOTAL_MINOR, OrderLine, total};
use crate::error::OrderError;
use crate::service::intake::Arrival;

/// An order with its prices.
pub(super) struct Priced<'a> {
    /// Its place among the orders that came.
    pub(super) index: usize,
    pub(super) arrival: &'a Arrival,
    pub(super) lines: Vec<OrderLine>,
    pub(super) total: Money,
    pub(super) demand: Demand,
}

impl Priced<'_> {
    pub(super) fn routing_request(&self) -> RoutingRequest<'_> {
        RoutingRequest {
            destination: self.arrival.destination,
            demand: &self.demand,
        }
    }
}

/// The orders with the prices of their lines, or why one can't be sold.
pub(super) async fn price<'a>(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    arrivals: &'a [Arc<Arrival>],
) -> Result<Vec<Result<Priced<'a>, OrderError>>, DbError> {
    let currency = context.settings.currency;
    let mut products: Vec<ProductId> = arrivals
        .iter()
        .flat_map(|arrival| arrival.lines.iter().map(|line| line.product_id))
        .collect();
    products.sort_unstable();
    products.dedup();
    let quotes = quote_prices(connection, tenant, currency, &products).await?;
    let quotes: HashMap<ProductId, PriceQuote> = products.into_iter().zip(quotes).collect();
    let priced = arrivals.iter().enumerate().map(|(index, arrival)| {
        let (lines, total) = lines(arrival, currency, &quotes)?;
        let demand = Demand::from_lines(lines.iter().map(|line| (line.product_id, line.quantity)));
        Ok(Priced {
            index,
            arrival,
            lines,
            total,
            demand: demand
                .expect("a request has lines, and their quantities were checked when it was read"),
        })
    });
    Ok(priced.collect())
}

fn lines(
    arrival: &Arrival,
    currency: Currency,
    quotes: &HashMap<ProductId, PriceQuote>,
) -> Result<(Vec<OrderLine>, Money), OrderError> {
    let (mut lines, mut unknown, mut not_sold) = (Vec::new(), Vec::new(), Vec::new());
    for (index, line) in arrival.lines.iter().enumerate() {
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
        return Err(OrderError::UnknownProducts(unknown));
    }
    if !not_sold.is_empty() {
        return Err(OrderError::ProductsNotSold(not_sold));
    }
    match total(currency, &lines) {
        Ok(total) if total.amount_minor <= MAX_TOTAL_MINOR => Ok((lines, total)),
        Ok(_) | Err(_) => Err(OrderError::TotalTooLarge),
    }
}
