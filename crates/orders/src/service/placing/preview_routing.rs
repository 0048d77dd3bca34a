//! Finds where an order would come from if it were placed now. Nothing is placed or held.

use oms_inventory::{Route, RouteExplanation, explain_route, quote_prices, route};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::address::ShippingAddress;
use crate::domain::line::{OrderLine, RequestedLine};
use crate::domain::pricing::RequestedPricing;
use crate::domain::tenant_settings::VersionedSettings;
use crate::error::PlacingError;
use crate::service::placing::currency_of::currency_of;
use crate::service::placing::locate::locate;
use crate::service::placing::price_lines::{PricedLines, price_lines, price_request};
use crate::service::reading::get_settings;

/// The routing and the prices of an order that is not placed.
#[derive(Debug)]
pub(crate) struct RoutingPreview {
    /// The warehouse, if one can fill the whole order, and the candidates.
    pub route: Route,
    /// The routing in words.
    pub explanation: RouteExplanation,
    /// The lines with their current prices.
    pub lines: Vec<OrderLine>,
    /// Their total.
    pub total: Money,
}

/// Locates, prices and routes an order as placing it would. If no warehouse can fill it, that is an answer and not an
/// error.
///
/// # Errors
/// If the address has no coordinates, a line can't be sold, or the geocoder or the database can't be reached.
pub(crate) async fn preview_routing(
    context: &OrderContext,
    tenant: TenantId,
    address: &ShippingAddress,
    lines: &[RequestedLine],
    pricing: &RequestedPricing,
) -> Result<RoutingPreview, PlacingError> {
    let geocoder = context.preview_geocoder.as_ref();
    let destination = locate(geocoder, tenant, address).await?;
    let mut connection = context.database.acquire().await?;
    let VersionedSettings { settings, .. } =
        get_settings::find(context, &mut connection, tenant).await?;
    let currency = currency_of(&settings, pricing)?;
    let wanted = [price_request(lines, currency, pricing)];
    let quotes = quote_prices(tenant, context.now(), &wanted);
    let quotes = quotes.run(&mut connection).await?;
    let PricedLines {
        lines,
        total,
        demand,
    } = price_lines(context, lines, currency, pricing, &quotes)?;
    let route = route(&mut connection, tenant, destination, &demand).await?;
    Ok(RoutingPreview {
        explanation: explain_route(&mut connection, tenant, &route.trace).await?,
        route,
        lines,
        total,
    })
}
