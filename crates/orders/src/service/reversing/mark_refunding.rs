//! Marks an order as being refunded, in the transaction that starts the refund.

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::worklist::put_on;
use crate::store::orders::{KeyFate, Transition};
use crate::store::reconciliations::{Claim, Stock};

/// Changes a locked paid order to `REFUNDING`, and puts it on the work list, for the case that its refund is
/// interrupted.
pub(super) async fn mark_refunding(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    authorship: Authorship<'_>,
) -> Result<Claim, OrderError> {
    let transition = Transition {
        from: OrderStatus::Paid,
        to: OrderStatus::Refunding,
        failure: None,
        key: KeyFate::Keep,
    };
    let (now, actor) = (context.now(), authorship.actor);
    let changed = change_status(connection, tenant, now, order_id, &transition, authorship).await?;
    DbError::unless_changed(changed, "the order is locked")?;
    let delay = context.settings.sweep_after;
    let entry = put_on(connection, tenant, now, order_id, delay, Stock::Paid, actor).await?;
    Ok(Claim::of_request(order_id, OrderStatus::Refunding, entry))
}
