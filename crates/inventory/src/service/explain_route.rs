//! The account of a choice of a warehouse, in words.

use std::collections::HashSet;

use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::ProductId;
use crate::domain::explanation::{RouteExplanation, explain};
use crate::domain::routing::RoutingTrace;
use crate::service::find_skus::find_skus;

/// Puts a trace into words, for people who are asked why. Products are called by their SKU of today.
///
/// # Errors
/// When the database can't be asked; about a trace without shortages it isn't.
pub async fn explain_route(
    connection: &mut Connection,
    tenant: TenantId,
    trace: &RoutingTrace,
) -> Result<RouteExplanation, DbError> {
    let mut explained = explain_routes(connection, tenant, &[trace]).await?;
    Ok(explained.pop().expect("one trace in, one explanation out"))
}

/// Puts traces into words, in their order.
///
/// # Errors
/// When the database can't be asked; about traces without shortages it isn't.
pub async fn explain_routes(
    connection: &mut Connection,
    tenant: TenantId,
    traces: &[&RoutingTrace],
) -> Result<Vec<RouteExplanation>, DbError> {
    let entries = traces.iter().flat_map(|trace| &trace.candidates);
    let shortages = entries.flat_map(|entry| &entry.shortages);
    let lacking: HashSet<ProductId> = shortages.map(|shortage| shortage.product_id).collect();
    let lacking: Vec<ProductId> = lacking.into_iter().collect();
    let skus = find_skus(connection, tenant, &lacking).await?;
    Ok(traces.iter().map(|trace| explain(trace, &skus)).collect())
}
