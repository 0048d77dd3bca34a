//! The account of a choice of a warehouse, in words.

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
    let shortages = trace.candidates.iter().flat_map(|entry| &entry.shortages);
    let lacking: Vec<ProductId> = shortages.map(|shortage| shortage.product_id).collect();
    let skus = find_skus(connection, tenant, &lacking).await?;
    Ok(explain(trace, &skus))
}
