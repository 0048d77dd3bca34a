//! Looking up what idempotency keys stand for, together with those of other requests.

use std::sync::Arc;

use oms_validation::{IdempotencyKey, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// The order that a key stands for.
pub(crate) async fn look_up(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Order>, OrderError> {
    let shared = context.clone();
    let work = move |tenant, keys| look_up_together(shared.clone(), tenant, keys);
    let look_ups = &context.batches.look_ups;
    look_ups.submit(tenant, Arc::new(key.clone()), work).await?
}

async fn look_up_together(
    context: Arc<OrderContext>,
    tenant: TenantId,
    keys: Vec<Arc<IdempotencyKey>>,
) -> Result<Vec<Option<Order>>, OrderError> {
    let mut admission = context.admit().await?;
    let wanted: Vec<&IdempotencyKey> = keys.iter().map(AsRef::as_ref).collect();
    let found = orders::find_by_keys(&mut admission.connection, tenant, &wanted).await?;
    // One key may be asked for more than once.
    let order = |key: &&IdempotencyKey| found.get(key.as_str()).cloned();
    Ok(wanted.iter().map(order).collect())
}
