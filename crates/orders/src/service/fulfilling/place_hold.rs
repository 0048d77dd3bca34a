//! Places a hold on a fulfilment order.

use oms_fulfilment::{FulfilmentOrder, FulfilmentOrderId, NewHold, Refusal, place_hold as place};
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::error::{OrderError, ShippingError};
use crate::service::fulfilling::facts::of_hold;
use crate::service::fulfilling::lock_order::{fulfilment_order_of, order_of};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;
use crate::store::orders;

/// Keeps a fulfilment order from being sent until the hold is released. A hold with the same handle stays as it is.
/// Its note is not stored once the order's personal data is erased.
///
/// # Errors
/// `ReservedHandle`, `Closed`, `TooManyHolds`, or the database's error.
pub async fn place_hold(
    context: &OrderContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
    hold: &NewHold,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Once<FulfilmentOrder>, ShippingError> {
    if hold.handle.is_reserved() {
        return Err(Refusal::ReservedHandle(hold.handle.clone()).into());
    }
    let request = (id, &hold.handle, hold.reason, &hold.note);
    let keyed = key.map(|key| Keyed::new(key, "place hold v1", &request));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            let once = claim_key(connection, tenant, keyed.as_ref()).await?;
            let order_id = order_of(connection, tenant, id).await?;
            if once == Once::Before(()) {
                let of = (order_id, id);
                let order = fulfilment_order_of(connection, tenant, now, of).await?;
                return Ok(Once::Before(order));
            }
            let locked = orders::lock_shippable(connection, tenant, &[order_id]).await?;
            let order = locked.get(&order_id).ok_or(OrderError::NotFound)?;
            let mut hold = hold.clone();
            hold.note = hold.note.filter(|_| !order.is_erased());
            let placed = place(connection, tenant, now, id, &hold, actor).await?;
            let (is_new, order) = placed;
            if !is_new {
                return Ok(Once::Before(order));
            }
            let told = of_hold(&order, &hold);
            tell(connection, tenant, now, order_id, &told, actor).await?;
            Ok::<_, ShippingError>(Once::Now(order))
        });
        if let Some(placed) = tried.await {
            return placed;
        }
    }
}
