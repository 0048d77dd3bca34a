//! Orders with their current prices.

use std::sync::Arc;

use oms_database::{Connection, DbError};
use oms_inventory::{Demand, RoutingRequest};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::line::{OrderLine, RequestedLine};
use crate::error::PlacingError;
use crate::service::placing::intake::Arrival;
use crate::service::placing::price_lines::{PricedLines, price_lines};

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
    /// Number of units that it would hold.
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

/// Prices the lines of each order, or explains why one can't be sold.
pub(super) async fn price<'a>(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    arrivals: &'a [Arc<Arrival>],
) -> Result<Vec<Result<Priced<'a>, PlacingError>>, DbError> {
    let lines = arrivals.iter().map(|arrival| arrival.lines.as_slice());
    let lines: Vec<&[RequestedLine]> = lines.collect();
    let priced = price_lines(context, connection, tenant, &lines).await?;
    let arrivals = arrivals.iter().enumerate();
    let priced = arrivals.zip(priced).map(|((index, arrival), priced)| {
        let PricedLines {
            lines,
            total,
            demand,
        } = priced?;
        Ok(Priced {
            index,
            arrival,
            lines,
            total,
            demand,
        })
    });
    Ok(priced.collect())
}
