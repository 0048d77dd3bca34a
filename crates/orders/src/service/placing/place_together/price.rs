//! Orders with their current prices.

use std::collections::HashSet;
use std::sync::Arc;

use oms_database::{Connection, DbError, send_together};
use oms_inventory::{Demand, Nearest, Quotes, RoutingRequest, find_nearest};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::line::OrderLine;
use crate::domain::tenant_settings::TenantSettings;
use crate::error::PlacingError;
use crate::service::placing::currency_of::currency_of;
use crate::service::placing::intake::Arrival;
use crate::service::placing::price_lines::{PricedLines, demand_of, price_lines, quote_lines};
use crate::service::reading::get_settings::in_force;
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

    pub(super) fn routing_request(&self) -> RoutingRequest<'_> {
        RoutingRequest {
            destination: self.arrival.destination,
            demand: &self.demand,
        }
    }
}

/// What is read before orders are priced.
pub(super) struct Look {
    /// The keys that stand for orders.
    pub(super) taken: HashSet<String>,
    /// The settings of the tenant.
    pub(super) settings: TenantSettings,
    /// The prices of all orders.
    pub(super) quotes: Quotes,
    /// The warehouse nearest to each order.
    pub(super) nearest: Nearest,
}

/// Reads which keys are taken, the settings of the tenant, the prices of all orders, and the warehouse nearest to each,
/// in one round trip. If the tenant's default currency is not the expected one, it reads again.
pub(super) async fn look_at(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
) -> Result<Look, DbError> {
    let keys: Vec<_> = arrivals.iter().map(|arrival| &arrival.key).collect();
    let demands = arrivals.iter().map(|arrival| demand_of(&arrival.lines));
    let demands: Vec<Demand> = demands.collect();
    let requests = arrivals.iter().zip(&demands);
    let requests = requests.map(|(arrival, demand)| RoutingRequest {
        destination: arrival.destination,
        demand,
    });
    let requests: Vec<RoutingRequest<'_>> = requests.collect();
    let remembered = context.default_currencies.find(tenant);
    let mut assumed = remembered.unwrap_or(context.settings.currency);
    loop {
        let requested = |arrival: &Arc<Arrival>| arrival.pricing.currency;
        let currencies = arrivals.iter().map(|it| requested(it).unwrap_or(assumed));
        let lines = arrivals.iter().flat_map(|arrival| &arrival.lines);
        let steps = (
            orders::taken_keys(tenant, &keys),
            settings::find(tenant),
            quote_lines(tenant, currencies, lines),
            find_nearest(tenant, &requests),
        );
        let (taken, stored, quotes, nearest) = send_together(connection, steps).await?;
        let stored = stored.map(settings::Stored::parse).transpose()?;
        let settings = in_force(context, stored).settings;
        let default = settings.default_currency();
        if default == assumed || arrivals.iter().all(|it| requested(it).is_some()) {
            return Ok(Look {
                taken,
                settings,
                quotes,
                nearest,
            });
        }
        context.default_currencies.remember(tenant, default);
        assumed = default;
    }
}

/// Returns each order with the prices of its lines, or the reason why it can't be sold.
pub(super) fn price<'a>(
    context: &OrderContext,
    arrivals: &'a [Arc<Arrival>],
    settings: &TenantSettings,
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
            currency_of(settings, &arrival.pricing)?,
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
