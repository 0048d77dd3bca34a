//! Packs or ships units of a fulfilment order.

use std::sync::Arc;

use oms_database::boxed;
use oms_fulfilment::{Shipment, ShipmentDraft};
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::ship_together::submit;
use crate::service::fulfilling::to_send::{Sending, ToSend};

/// Creates a shipment in the name of `actor`, once for each key. It shares a transaction with other shipments of the
/// tenant that are waiting.
///
/// # Errors
/// Why its units can't be packed or sent; `KeyReused` if the key belongs to another request; `Busy`; or the database's
/// error. Then nothing is changed, except possibly on `OutcomeUnknown`.
#[boxed]
pub async fn create_shipment(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
    draft: ShipmentDraft,
    actor: &str,
) -> Result<Once<Shipment>, ShippingError> {
    let request = (
        draft.fulfilment_order_id,
        &draft.units,
        &draft.parcels,
        draft.status,
    );
    let keyed = match draft.warehouse_id {
        // As the version before this one, so that a key stands for the same request during a deployment.
        None => Keyed::new(key, "create shipment v1", &request),
        Some(id) => Keyed::new(key, "create shipment at v1", &(id, request)),
    };
    let fingerprint = keyed.fingerprint;
    let item = ToSend {
        sending: Sending::Create {
            draft,
            key: (key.clone(), fingerprint),
        },
        actor: actor.to_owned(),
    };
    submit(context, tenant, item).await
}
