//! Giving up on an order: a dead letter, one alert, and a note in the timeline, in one commit. The order keeps its status
//! and its stock, and leaves the worklist.

use oms_database::transaction;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::alert::AlertKind;
use crate::domain::authorship::Authorship;
use crate::domain::id::DeadLetterId;
use crate::domain::reason::cut;
use crate::error::OrderError;
use crate::service::abort::{Abort, unless_lost};
use crate::service::change_status::add_note;
use crate::store::alerts::{self, NewAlert};
use crate::store::dead_letters;
use crate::store::reconciliations::{self, Claim};

/// Gives up on a claimed order, in the name of `actor`. False when somebody else settled it or took it over; nothing was changed then.
pub(crate) async fn dead_letter_order(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    reason: &str,
    actor: &str,
) -> Result<bool, OrderError> {
    let (now, id) = (context.now(), DeadLetterId::generate());
    let (order_id, tries) = (claim.order_id, claim.tries);
    let reason = cut(reason);
    let when = match tries {
        0 => "at once".to_owned(),
        tries => format!("after {tries} tries"),
    };
    let note = cut(&format!("left to a person {when}: {reason}"));
    let message = cut(&format!("order {order_id} needs a person {when}: {reason}"));
    let authorship = Authorship {
        actor,
        reason: &note,
    };
    let alert = NewAlert {
        kind: AlertKind::DeadLetter,
        subject_id: id.as_uuid(),
        order_id: Some(order_id),
        message: &message,
    };
    let mut connection = context.database.acquire().await?;
    let written = transaction(&mut connection, async |connection| {
        // The order first: everybody who changes it locks it before anything else of it.
        let status = add_note(connection, tenant, now, order_id, authorship).await?;
        if status.is_none() || status != claim.status {
            return Err(Abort::Lost);
        }
        if !reconciliations::delete_claimed(connection, tenant, claim).await? {
            return Err(Abort::Lost);
        }
        dead_letters::insert(connection, tenant, now, id, order_id, &reason, tries).await?;
        Ok(alerts::insert(connection, tenant, now, &alert).await?)
    });
    Ok(unless_lost(written.await)?.is_some())
}
