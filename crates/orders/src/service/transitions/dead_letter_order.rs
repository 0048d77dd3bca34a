//! Gives up on an order: writes a dead letter, with the event that alerts operators, and a note on the timeline, in one
//! commit. The order keeps its status and its stock, and leaves the work list.

use oms_database::{Connection, DbError, transaction};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::dead_letter::when;
use crate::domain::id::DeadLetterId;
use crate::domain::reason::cut;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::add_note;
use crate::store::dead_letters;
use crate::store::reconciliations::{self, Claim};

/// A new dead letter.
pub(crate) struct NewDeadLetter<'a> {
    pub(crate) id: DeadLetterId,
    pub(crate) order_id: OrderId,
    pub(crate) reason: &'a str,
    pub(crate) tries: u32,
    pub(crate) actor: &'a str,
}

/// Gives up on a claimed order in the name of `actor`. Returns `false`, and changes nothing, if the order was settled
/// or claimed by another worker.
pub(crate) async fn dead_letter_order(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    reason: &str,
    actor: &str,
) -> Result<bool, OrderError> {
    let now = context.now();
    let new = NewDeadLetter {
        id: DeadLetterId::generate(),
        order_id: claim.order_id,
        reason: &cut(reason),
        tries: claim.lease.tries,
        actor,
    };
    let mut connection = context.database.acquire().await?;
    let written = transaction(&mut connection, async |connection| {
        // Lock the order first: everything that changes an order does so.
        let status = write(connection, tenant, now, &new).await?;
        if status != Some(claim.status) {
            return Err(Abort::LOST);
        }
        if !reconciliations::delete_claimed(connection, tenant, claim).await? {
            return Err(Abort::LOST);
        }
        Ok::<_, Abort>(())
    });
    Ok(unless_lost(written.await)?.is_some())
}

/// Writes a dead letter, its event and its note, and returns the order's status, or `None` if the order does not exist.
/// The caller then takes the order off the work list in the same transaction.
pub(crate) async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    new: &NewDeadLetter<'_>,
) -> Result<Option<OrderStatus>, DbError> {
    let (order_id, reason) = (new.order_id, new.reason);
    let when = when(new.tries);
    let note = cut(&format!("left to an operator {when}: {reason}"));
    let authorship = Authorship {
        actor: new.actor,
        reason: &note,
    };
    let status = add_note(connection, tenant, now, order_id, authorship).await?;
    if status.is_some() {
        dead_letters::insert(connection, tenant, now, new.id, order_id, reason, new.tries).await?;
    }
    Ok(status)
}
