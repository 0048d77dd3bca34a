//! Begins and stops work on a fulfilment order.

use oms_database::boxed;
use oms_fulfilment::{FulfilmentOrder, FulfilmentOrderId, Turn, Work, change_work as change};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::lock_order::{
    fulfilment_order_of, lock_order, order_of, refuse_busy,
};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::happenings::{of_fulfilment_order, tell};
use crate::service::transitions::patience::Patience;

/// Begins or stops work on a fulfilment order in the name of `actor`, and returns it. Repeating it changes nothing.
///
/// # Errors
/// Why it can't be started or stopped; `KeyReused`; `Changed` if it has another version; `Busy`; or the database's error.
#[boxed]
pub async fn change_work(
    context: &OrderContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
    expected: &ExpectedVersion,
    work: Work,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<FulfilmentOrder, ShippingError> {
    let operation = match work {
        Work::Start => "start fulfilment order v1",
        Work::Stop => "stop fulfilment order v1",
    };
    let keyed = key.map(|key| Keyed::new(key, operation, &id));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            let once = claim_key(connection, tenant, keyed.as_ref()).await?;
            let order_id = order_of(connection, tenant, id).await?;
            if once == Once::Before(()) {
                let of = (order_id, id);
                return fulfilment_order_of(connection, tenant, now, of).await;
            }
            let status = lock_order(connection, tenant, order_id).await?;
            if work == Work::Start {
                refuse_busy(connection, tenant, order_id, status).await?;
            }
            let changed = change(connection, tenant, now, id, expected, work).await?;
            let (is_new, order) = changed;
            if is_new {
                let turn = match work {
                    Work::Start => Turn::Started,
                    Work::Stop => Turn::Stopped,
                };
                let told = of_fulfilment_order(&order, turn);
                tell(connection, tenant, now, order_id, &told, actor).await?;
            }
            Ok(order)
        });
        if let Some(changed) = tried.await {
            return changed;
        }
    }
}
