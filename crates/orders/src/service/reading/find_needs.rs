//! Finds out which orders of a list need an operator.

use std::collections::HashMap;

use oms_database::{boxed, send_together};
use oms_fulfilment::{find_held_orders, find_orders_with_undecided_returns};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::need::Need;
use crate::error::OrderError;
use crate::store::needs;

/// Returns why the given orders need an operator, the most urgent need of each, in one round trip. The others are
/// missing.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn find_needs(
    context: &OrderContext,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Need>, OrderError> {
    if order_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut connection = context.database.acquire().await?;
    let parts = (
        needs::find(tenant, order_ids),
        find_held_orders(tenant, order_ids),
        find_orders_with_undecided_returns(tenant, order_ids),
    );
    let (needs, held, undecided) = send_together(&mut connection, parts).await?;
    let held = held.into_iter().map(|id| (id, Need::Hold));
    let undecided = undecided.into_iter().map(|id| (id, Need::Return));
    let mut found = HashMap::new();
    for (id, need) in needs.into_iter().chain(held).chain(undecided) {
        let first = found.entry(id).or_insert(need);
        *first = need.min(*first);
    }
    Ok(found)
}
