//! Records that a shipment was delivered.

use chrono::{DateTime, Utc};
use oms_fulfilment::{Shipment, ShipmentId, deliver_shipment as deliver};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::facts::of_shipment;
use crate::service::fulfilling::lock_order::{lock_order, order_of_shipment, shipment_of, tell};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;

/// Records that a shipment was delivered, now if no time is given, and returns it. Repeating it changes nothing.
///
/// # Errors
/// `NotShipped`, `ShipmentCancelled`, `Changed`, or the database's error.
pub async fn deliver_shipment(
    context: &OrderContext,
    tenant: TenantId,
    id: ShipmentId,
    expected: &ExpectedVersion,
    delivered_at: Option<DateTime<Utc>>,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Shipment, ShippingError> {
    let request = (id, delivered_at);
    let keyed = key.map(|key| Keyed::new(key, "deliver shipment v1", &request));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return shipment_of(connection, tenant, id).await;
            }
            let order_id = order_of_shipment(connection, tenant, id).await?;
            lock_order(connection, tenant, order_id).await?;
            let delivered = deliver(connection, tenant, now, id, expected, delivered_at).await?;
            if let Some(shipment) = delivered {
                let told = of_shipment(&shipment);
                tell(connection, tenant, now, order_id, &told, actor).await?;
                return Ok(shipment);
            }
            shipment_of(connection, tenant, id).await
        });
        if let Some(delivered) = tried.await {
            return delivered;
        }
    }
}
