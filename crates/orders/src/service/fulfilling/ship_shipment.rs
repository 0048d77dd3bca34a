//! Sends a packed shipment.

use std::sync::Arc;

use oms_fulfilment::{NewParcel, Shipment, ShipmentId};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::ship_together::submit;
use crate::service::fulfilling::to_send::{Sending, ToSend};

/// Sends a packed shipment in the name of `actor`, with parcels if it has none yet, and returns it. Repeating it
/// changes nothing.
///
/// # Errors
/// Why it can't be sent; `Changed` if it has another version; `Busy`; or the database's error.
pub async fn ship_shipment(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    shipment_id: ShipmentId,
    expected: ExpectedVersion,
    parcels: Vec<NewParcel>,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Shipment, ShippingError> {
    let request = (shipment_id, &parcels);
    let fingerprint = |key| Keyed::new(key, "ship shipment v1", &request).fingerprint;
    let key = key.map(|key| (key.clone(), fingerprint(key)));
    let item = ToSend {
        sending: Sending::Send {
            shipment_id,
            expected,
            parcels,
            key,
        },
        actor: actor.to_owned(),
    };
    submit(context, tenant, item).await.map(Once::into_inner)
}
