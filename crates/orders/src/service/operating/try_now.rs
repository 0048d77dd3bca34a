//! Makes the sweeper look at an order now, on behalf of an operator.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::error::{DeadLetterError, OrderError};
use crate::service::transitions::change_status::add_note;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;
use crate::store::{orders, reconciliations};

/// Makes an unsettled order due for the sweeper, with a note on its timeline. An order that is claimed by an instance
/// right now is tried again once that is done. Returns `Before` if an earlier request with the key did it.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `NotUnsettled` if it is settled or has an open dead letter, which is
/// retried instead, `KeyReused` if the key belongs to another request; otherwise if the database fails.
#[boxed]
pub async fn try_now(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    operator: &OperatorName,
) -> Result<Once<()>, DeadLetterError> {
    let keyed = Keyed::new(key, "try order now v1", &order_id);
    let (now, actor) = (context.now(), operator.as_actor());
    let authorship = Authorship {
        actor: &actor,
        reason: "an operator requested a try now",
    };
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, Some(&keyed)).await? == Once::Before(()) {
                return Ok(Once::Before(()));
            }
            let status = orders::lock_status(connection, tenant, order_id).await?;
            let status = status.ok_or(OrderError::NotFound)?;
            if !reconciliations::bring_forward(connection, tenant, now, order_id).await? {
                return Err(DeadLetterError::NotUnsettled { order_id, status });
            }
            add_note(connection, tenant, now, order_id, authorship).await?;
            Ok::<_, DeadLetterError>(Once::Now(()))
        });
        if let Some(tried) = tried.await {
            break tried;
        }
    }
}
