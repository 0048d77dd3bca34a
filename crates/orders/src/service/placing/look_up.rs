//! Looks up idempotency keys, together with those of other requests.

use std::convert::Infallible;
use std::sync::Arc;

use oms_batching::{Answer, Batch, Work};
use oms_database::DbError;
use oms_validation::{IdempotencyKey, TenantId};

use crate::context::OrderContext;
use crate::context::batches::LookUps;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// Returns the order that a key stands for.
pub(crate) async fn look_up(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Order>, OrderError> {
    let (key, work) = (Arc::new(key.clone()), LookUps(context.clone()));
    context.batches.look_ups.submit(tenant, key, &work).await?
}

impl Work for LookUps {
    type Key = TenantId;
    type Item = IdempotencyKey;
    type Output = Option<Order>;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<Option<Order>, Infallible>>, OrderError> {
        let mut admission = self.0.admit().await?;
        let wanted: Vec<&IdempotencyKey> = batch.items.iter().map(AsRef::as_ref).collect();
        let found = orders::find_by_keys(&mut admission.connection, tenant, &wanted).await;
        let found = found.map_err(DbError::of_reading)?;
        // Several requests may ask for the same key.
        let order = |key: &&IdempotencyKey| Answer::Done(found.get(key.as_str()).cloned());
        Ok(wanted.iter().map(order).collect())
    }
}
