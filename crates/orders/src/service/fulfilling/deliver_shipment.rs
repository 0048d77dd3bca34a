//! Records that a shipment was delivered.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use oms_fulfilment::{Shipment, ShipmentId};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::ship_together::submit;
use crate::service::fulfilling::to_send::{Sending, ToSend};

/// Records that a shipment was delivered, now if no time is given, and returns it. Repeating it changes nothing. It
/// shares a transaction with other requests about shipments of the tenant.
///
/// # Errors
/// `NotShipped`, `ShipmentCancelled`, `Changed`, `ImplausibleTime`, `KeyReused`, or the database's error.
pub async fn deliver_shipment(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    id: ShipmentId,
    expected: ExpectedVersion,
    delivered_at: Option<DateTime<Utc>>,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Shipment, ShippingError> {
    let request = (id, delivered_at);
    let keyed = key.map(|key| {
        let fingerprint = Keyed::new(key, "deliver shipment v1", &request).fingerprint;
        (key.clone(), fingerprint)
    });
    let item = ToSend {
        sending: Sending::Deliver {
            shipment_id: id,
            expected,
            delivered_at,
            key: keyed,
        },
        actor: actor.to_owned(),
    };
    Ok(submit(context, tenant, item).await?.into_inner())
}
