//! Puts a fulfilment order on hold in the name of oms.

use oms_database::Connection;
use oms_fulfilment::{
    FulfilmentOrder, HoldHandle, HoldReason, NewHold, Note, place_hold, place_hold_on_changed,
};
use oms_validation::TenantId;

use crate::domain::clock::Now;
use crate::error::ShippingError;
use crate::service::fulfilling::facts::of_hold;
use crate::service::transitions::happenings::tell;

/// The hold on a fulfilment order that can't go anywhere, and why in words.
pub(crate) fn rerouting_hold(reason: HoldReason, words: &str) -> NewHold {
    NewHold {
        handle: HoldHandle::rerouting(),
        reason,
        note: Note::parse(words).ok(),
    }
}

/// Puts a locked fulfilment order on hold, and tells the timeline. A hold with the same handle stays as it is. The
/// version is raised unless the transaction has raised it before (`is_changed`).
pub(crate) async fn hold_back(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order, is_changed): (&FulfilmentOrder, bool),
    hold: &NewHold,
    actor: &str,
) -> Result<(), ShippingError> {
    let (is_new, held) = match is_changed {
        true => place_hold_on_changed(connection, tenant, now, order.id, hold, actor).await?,
        false => place_hold(connection, tenant, now, order.id, hold, actor).await?,
    };
    if is_new {
        let told = of_hold(&held, hold);
        tell(connection, tenant, now, held.order_id, &told, actor).await?;
    }
    Ok(())
}
