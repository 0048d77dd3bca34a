//! Orders with their current prices.

use std::collections::HashSet;
use std::sync::Arc;

use oms_database::{Connection, DbError, send_together};
use oms_inventory::{Demand, Nearest, Quotes, RoutingRequest, find_nearest};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::line::OrderLine;
use crate::error::PlacingError;
use crate::service::placing::intake::Arrival;
use crate::service::placing::price_lines::{PricedLines, demand_of, price_lines, quote_lines};
use crate::store::orders;

/// An order with its prices.
pub(super) struct Priced<'a> {
    /// Its arrival index.
    pub(super) index: usize,
    pub(super) arrival: &'a Arrival,
    pub(super) lines: Vec<OrderLine>,
    pub(super) total: Money,
    pub(super) demand: Demand,
}

impl Priced<'_> {
    /// The number of units that the order would hold.
    pub(super) fn units(&self) -> u64 {
        let quantities = self
            .lines
            .iter()
            .map(|line| u64::from(line.quantity.unsigned_abs()));
        quantities.sum()
    }

    pub(super) fn routing_request(&self) -> RoutingRequest<'_> {
        RoutingRequest {
            destination: self.arrival.destination,
            demand: &self.demand,
        }
    }
}

/// Reads which keys are taken, the prices of all orders, and the warehouse nearest to each, in one round trip.
pub(super) async fn look_at(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
) -> Result<(HashSet<String>, Quotes, Nearest), DbError> {
    let keys: Vec<_> = arrivals.iter().map(|arrival| &arrival.key).collect();
    let taken = orders::taken_keys(tenant, &keys);
    let lines = arrivals.iter().flat_map(|arrival| &arrival.lines);
    let quotes = quote_lines(context, tenant, lines);
    let demands = arrivals.iter().map(|arrival| demand_of(&arrival.lines));
    let demands: Vec<Demand> = demands.collect();
    let requests = arrivals.iter().zip(&demands);
    let requests = requests.map(|(arrival, demand)| RoutingRequest {
        destination: arrival.destination,
        demand,
    });
    let requests: Vec<RoutingRequest<'_>> = requests.collect();
    let nearest = find_nearest(tenant, &requests);
    send_together(connection, (taken, quotes, nearest)).await
}

/// Returns each order with the prices of its lines, or the reason why it can't be sold.
pub(super) fn price<'a>(
    context: &OrderContext,
    arrivals: &'a [Arc<Arrival>],
    quotes: &Quotes,
) -> Vec<Result<Priced<'a>, PlacingError>> {
    let currency = context.settings.currency;
    let priced = arrivals.iter().enumerate().map(|(index, arrival)| {
        let PricedLines {
            lines,
            total,
            demand,
        } = price_lines(&arrival.lines, currency, quotes)?;
        Ok(Priced {
            index,
            arrival,
            lines,
            total,
            demand,
        })
    });
    priced.collect()
}
