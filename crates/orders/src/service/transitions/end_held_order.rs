//! Fails an order that was held for another attempt, at its deadline, and releases its stock.

use oms_database::transaction;
use oms_inventory::release;
use oms_payments::{Attempt, find_payment};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::open_payment::failure_of;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::end_order::Ending;
use crate::service::transitions::worklist::take_off;

/// Settles an order whose latest attempt is dead, which proves that no money moved or can still move. Returns `false`,
/// and changes nothing, if another request or worker was first, for example with another attempt.
pub(crate) async fn end_held_order(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    actor: &str,
) -> Result<bool, OrderError> {
    let (now, order_id) = (context.now(), attempt.order_id);
    let failure = failure_of(attempt);
    let reason = format!(
        "{}, and no other attempt paid it in time",
        failure.in_words()
    );
    let ending = Ending::Failed(failure);
    let authorship = Authorship {
        actor,
        reason: &reason,
    };
    let mut connection = context.database.acquire().await?;
    let ended = transaction(&mut connection, async |connection| {
        let transition = ending.transition();
        if !change_status(connection, tenant, now, order_id, &transition, authorship).await? {
            return Err(Abort::LOST);
        }
        // A request that starts another attempt takes the order's lock: either this sees the attempt, or the request
        // finds the order failed.
        let latest = find_payment(connection, tenant, order_id).await?;
        if !latest.is_some_and(|latest| latest.id == attempt.id && latest.state.is_dead()) {
            return Err(Abort::LOST);
        }
        release(connection, tenant, order_id.into()).await?;
        Ok::<_, Abort>(take_off(connection, tenant, now, &[(order_id, actor)]).await?)
    });
    Ok(unless_lost(ended.await)?.is_some())
}
