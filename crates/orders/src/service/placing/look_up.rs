//! Looks up idempotency keys, together with those of other requests, and the settings of their tenant.

use std::convert::Infallible;
use std::sync::Arc;

use oms_batching::{Answer, Batch, Work};
use oms_database::DbError;
use oms_validation::{IdempotencyKey, TenantId};

use crate::context::OrderContext;
use crate::context::batches::LookUps;
use crate::domain::order::Order;
use crate::domain::tenant_settings::VersionedSettings;
use crate::error::OrderError;
use crate::service::reading::get_settings::in_force;
use crate::store::orders;

/// What a new request needs to know.
#[derive(Clone, Debug)]
pub(crate) struct LookedUp {
    /// The order that the key stands for.
    pub(crate) order: Option<Order>,
    /// The tenant's settings.
    pub(crate) settings: Arc<VersionedSettings>,
}

/// Returns the order that a key stands for, and the tenant's settings.
pub(crate) async fn look_up(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
) -> Result<LookedUp, OrderError> {
    let (key, work) = (Arc::new(key.clone()), LookUps(context.clone()));
    context.batches.look_ups.submit(tenant, key, &work).await?
}

impl Work for LookUps {
    type Key = TenantId;
    type Item = IdempotencyKey;
    type Output = LookedUp;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<LookedUp, Infallible>>, OrderError> {
        let mut admission = self.0.admit().await?;
        let wanted: Vec<&IdempotencyKey> = batch.items.iter().map(AsRef::as_ref).collect();
        let connection = &mut admission.connection;
        let found = orders::find_by_keys_and_settings(connection, tenant, &wanted).await;
        let (found, stored) = found.map_err(DbError::of_reading)?;
        let settings = Arc::new(in_force(&self.0, stored));
        self.0.tenant_settings.remember(tenant, settings.clone());
        // Several requests may ask for the same key.
        let looked_up = |key: &&IdempotencyKey| {
            Answer::Done(LookedUp {
                order: found.get(key.as_str()).cloned(),
                settings: settings.clone(),
            })
        };
        Ok(wanted.iter().map(looked_up).collect())
    }
}
