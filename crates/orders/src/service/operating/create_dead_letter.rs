//! Takes an order that won't settle by itself from the sweeper, on behalf of an operator.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::id::DeadLetterId;
use crate::domain::reason::Reason;
use crate::error::{DeadLetterError, OrderError};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::dead_letter_order::{NewDeadLetter, write};
use crate::service::transitions::patience::Patience;
use crate::store::{dead_letters, orders, reconciliations};

/// Leaves an unsettled order to operators immediately, and returns its dead letter. Returns `Before` if the order
/// already has an open one, or an earlier request with the key created it.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `NotUnsettled` if the order is settled, `KeyReused` if the key belongs
/// to another request; otherwise if the database fails.
#[boxed]
pub async fn create_dead_letter(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: Option<&IdempotencyKey>,
    operator: &OperatorName,
    reason: &Reason,
) -> Result<Once<DeadLetter>, DeadLetterError> {
    let request = (order_id, reason.as_str());
    let keyed = key.map(|key| Keyed::new(key, "create dead letter v1", &request));
    let (now, actor) = (context.now(), operator.as_actor());
    let new = NewDeadLetter {
        id: DeadLetterId::generate(),
        order_id,
        reason: reason.as_str(),
        tries: 0,
        actor: &actor,
    };
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let before = claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(());
            let status = orders::lock_status(connection, tenant, order_id).await?;
            let status = status.ok_or(OrderError::NotFound)?;
            let open = dead_letters::find_newest_of_order(connection, tenant, order_id).await?;
            match open {
                Some(dead_letter) if before || dead_letter.resolved.is_none() => {
                    return Ok(Once::Before(dead_letter));
                }
                _ if !status.is_unsettled() => {
                    return Err(DeadLetterError::NotUnsettled { order_id, status });
                }
                _ => {}
            }
            write(connection, tenant, now, &new).await?;
            reconciliations::delete(tenant, &[order_id], None)
                .run(connection)
                .await?;
            let written = dead_letters::find(connection, tenant, new.id).await?;
            Ok::<_, DeadLetterError>(Once::Now(written.ok_or(DeadLetterError::NotFound)?))
        });
        if let Some(created) = tried.await {
            break created;
        }
    }
}
