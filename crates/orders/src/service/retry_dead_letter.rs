//! An operator has the sweeper try again.

use std::time::Duration;

use oms_database::transaction;
use oms_validation::{OperatorName, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::dead_letter::{DeadLetter, Resolution};
use crate::domain::id::DeadLetterId;
use crate::error::OrderError;
use crate::service::abort::{Abort, unless_lost};
use crate::service::change_status::add_note;
use crate::service::get_dead_letter::get_open;
use crate::store::{dead_letters, reconciliations};

/// Puts the order of an open dead letter back on the worklist, due now, with its tries counted anew, and returns the dead
/// letter as it is then.
///
/// # Errors
/// `DeadLetterNotFound` when there is none in this store, `DeadLetterResolved` when it is not open any more; else when the
/// database fails.
pub async fn retry_dead_letter(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
    operator: &OperatorName,
) -> Result<DeadLetter, OrderError> {
    let mut connection = context.database.acquire().await?;
    let dead_letter = get_open(&mut connection, tenant, id).await?;
    let (now, order_id) = (context.now(), dead_letter.order_id);
    let actor = operator.as_actor();
    let authorship = Authorship {
        actor: &actor,
        reason: "an operator has the sweeper try again",
    };
    let retried = transaction(&mut connection, async |connection| {
        // The order first, as everywhere.
        add_note(connection, tenant, now, order_id, authorship).await?;
        let how = Resolution::Retried;
        if !dead_letters::resolve(connection, tenant, now, id, how, &actor, None).await? {
            return Err(Abort::Lost);
        }
        Ok(reconciliations::insert(connection, tenant, now, order_id, Duration::ZERO).await?)
    });
    unless_lost(retried.await)?.ok_or(OrderError::DeadLetterResolved)?;
    let retried = dead_letters::find(&mut connection, tenant, id).await?;
    retried.ok_or(OrderError::DeadLetterNotFound)
}
