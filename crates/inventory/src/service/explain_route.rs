//! Explains the choice of a warehouse in plain sentences.

use std::collections::HashSet;

use oms_database::{Connection, DbError};
use oms_validation::{ProductId, TenantId};

use crate::domain::explanation::{RouteExplanation, explain};
use crate::domain::routing::RoutingTrace;
use crate::service::find_skus::find_skus;

/// Explains a trace in plain sentences. Products are named by their current SKU.
///
/// # Errors
/// When the database fails. A trace without shortages needs no query.
pub async fn explain_route(
    connection: &mut Connection,
    tenant: TenantId,
    trace: &RoutingTrace,
) -> Result<RouteExplanation, DbError> {
    let mut explained = explain_routes(connection, tenant, &[trace]).await?;
    Ok(explained.pop().expect("one trace in, one explanation out"))
}

/// Explains traces in plain sentences, in the given order.
///
/// # Errors
/// When the database fails. Traces without shortages need no query.
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
