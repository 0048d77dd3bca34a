//! Where an order would come from if it was placed now. Nothing is placed and nothing is held.

use oms_inventory::{Route, RouteExplanation, explain_route, route};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::address::ShippingAddress;
use crate::domain::line::{OrderLine, RequestedLine};
use crate::error::PlacingError;
use crate::service::placing::locate::locate;
use crate::service::placing::price_lines::{PricedLines, price_lines, quote_lines};

/// Where an order would come from.
#[derive(Debug)]
pub(crate) struct RoutingPreview {
    /// The warehouse, if one can fill the whole order, and the candidates.
    pub route: Route,
    /// The same in words.
    pub explanation: RouteExplanation,
    /// The lines with the prices of now.
    pub lines: Vec<OrderLine>,
    /// Their sum.
    pub total: Money,
}

/// Locates, prices and routes an order as placing it would. That no warehouse can fill it is an answer, not an error.
///
/// # Errors
/// When the address has no coordinates or a line can't be sold; else when the geocoder or the database can't be asked.
pub(crate) async fn preview_routing(
    context: &OrderContext,
    tenant: TenantId,
    address: &ShippingAddress,
    lines: &[RequestedLine],
) -> Result<RoutingPreview, PlacingError> {
    let geocoder = context.preview_geocoder.as_ref();
    let destination = locate(geocoder, tenant, address).await?;
    let mut connection = context.database.acquire().await?;
    let quotes = quote_lines(context, tenant, lines.iter());
    let quotes = quotes.run(&mut connection).await?;
    let PricedLines {
        lines,
        total,
        demand,
    } = price_lines(lines, context.settings.currency, &quotes)?;
    let route = route(&mut connection, tenant, destination, &demand).await?;
    Ok(RoutingPreview {
        explanation: explain_route(&mut connection, tenant, &route.trace).await?,
        route,
        lines,
        total,
    })
}
