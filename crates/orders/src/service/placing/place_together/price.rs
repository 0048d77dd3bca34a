//! Orders with their current prices.

use std::collections::HashSet;
use std::sync::Arc;

use oms_database::{Connection, DbError, send_together};
use oms_inventory::{
    Demand, Nearest, PriceRequest, Quotes, RoutingRequest, find_nearest, quote_prices,
};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::domain::line::OrderLine;
use crate::error::PlacingError;
use crate::service::placing::intake::{Arrival, Intake};
use crate::service::placing::price_lines::{PricedLines, demand_of, price_lines, price_request};
use crate::store::{orders, settings};

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

    /// Whether nothing is to be paid, so that the order never counts as unpaid.
    pub(super) const fn is_free(&self) -> bool {
        self.total.amount_minor == 0
    }

    pub(super) fn routing_request(&self) -> RoutingRequest<'_> {
        RoutingRequest {
            destination: self.arrival.destination,
            demand: &self.demand,
        }
    }
}

/// What may have changed since the arrivals were prepared.
pub(super) struct Seen {
    /// The keys that stand for an order.
    pub(super) taken: HashSet<String>,
    /// The version of the tenant's settings.
    pub(super) settings_version: i32,
}

impl Seen {
    /// The outcome of an arrival that has become invalid.
    pub(super) fn change_for(&self, arrival: &Arrival) -> Option<Intake> {
        if self.taken.contains(arrival.key.as_str()) {
            return Some(Intake::KeyTaken);
        }
        let is_changed = arrival.settings_version != self.settings_version;
        is_changed.then_some(Intake::SettingsChanged)
    }
}

/// Reads what may have changed, the prices of all orders, and the warehouse nearest to each, in one round trip.
pub(super) async fn look_at(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    arrivals: &[Arc<Arrival>],
) -> Result<(Seen, Quotes, Nearest), DbError> {
    let keys: Vec<_> = arrivals.iter().map(|arrival| &arrival.key).collect();
    let taken = orders::taken_keys(tenant, &keys);
    let wanted = arrivals
        .iter()
        .map(|arrival| price_request(&arrival.lines, arrival.currency, &arrival.pricing));
    let wanted: Vec<PriceRequest<'_>> = wanted.collect();
    let quotes = quote_prices(tenant, now, &wanted);
    let demands = arrivals.iter().map(|arrival| demand_of(&arrival.lines));
    let demands: Vec<Demand> = demands.collect();
    let requests = arrivals.iter().zip(&demands);
    let requests = requests.map(|(arrival, demand)| RoutingRequest {
        destination: arrival.destination,
        demand,
    });
    let requests: Vec<RoutingRequest<'_>> = requests.collect();
    let nearest = find_nearest(tenant, &requests);
    let steps = (taken, settings::version(tenant), quotes, nearest);
    let (taken, settings_version, quotes, nearest) = send_together(connection, steps).await?;
    let seen = Seen {
        taken,
        settings_version,
    };
    Ok((seen, quotes, nearest))
}

/// Returns each order with the prices of its lines, or the reason why it can't be sold.
pub(super) fn price<'a>(
    context: &OrderContext,
    arrivals: &'a [Arc<Arrival>],
    quotes: &Quotes,
) -> Vec<Result<Priced<'a>, PlacingError>> {
    let priced = arrivals.iter().enumerate().map(|(index, arrival)| {
        let PricedLines {
            lines,
            total,
            demand,
        } = price_lines(
            context,
            &arrival.lines,
            arrival.currency,
            &arrival.pricing,
            quotes,
        )?;
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
