//! Records a finding, with the event that alerts operators, and a note on the order's timeline, in one commit.

use oms_database::transaction;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::RECONCILER;
use crate::domain::authorship::Authorship;
use crate::domain::id::FindingId;
use crate::domain::reason::cut;
use crate::domain::suspicion::Suspicion;
use crate::error::OrderError;
use crate::service::transitions::abort::Abort;
use crate::service::transitions::change_status::add_note;
use crate::store::findings::{self, Corrected, Seen};

/// The result of recording a confirmed suspicion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It was recorded, or reopened after the program had corrected it. The caller executes its action.
    New(FindingId),
    /// It was recorded before.
    Known(FindingId),
    /// The order changed in the meantime, and nothing was recorded.
    Lost,
}

/// Why a finding was not recorded.
enum Unwritten {
    /// The order has another status by now.
    OrderMoved,
    /// Another instance recorded it first.
    Known,
}

/// Records a confirmed suspicion, if the order still has the status that the suspicion requires. `before` is what was
/// corrected when the gateway was asked: a correction since then is newer than the gateway's answer.
pub(crate) async fn record_finding(
    context: &OrderContext,
    tenant: TenantId,
    suspicion: &Suspicion,
    before: &Corrected,
) -> Result<Recorded, OrderError> {
    let (now, gateway) = (context.now(), context.gateway.name());
    let mut connection = context.database.acquire().await?;
    let seen = findings::see(&mut connection, tenant, now, gateway, suspicion).await?;
    let relapsed = match seen {
        Some(Seen { id, corrected }) => {
            let corrected = corrected.filter(|it| before.claim_of(suspicion.kind) == Some(*it));
            match corrected {
                Some(claim) => Some((id, claim)),
                None => return Ok(Recorded::Known(id)),
            }
        }
        None => None,
    };
    let id = relapsed.map_or_else(FindingId::generate, |(id, _)| id);
    let lease = context.settings.sweep_lease;
    let written = transaction(&mut connection, async |connection| {
        if let Some((order_id, expected)) = suspicion.order {
            // Lock the order first, as everywhere. Its status can't change until the commit.
            let note = cut(&format!("finding {id}: {}", suspicion.detail));
            let authorship = Authorship {
                actor: RECONCILER,
                reason: &note,
            };
            let status = add_note(connection, tenant, now, order_id, authorship).await?;
            if status != Some(expected) {
                return Err(Abort::Undo(Unwritten::OrderMoved));
            }
        }
        let is_first = match relapsed {
            None => {
                findings::insert(connection, tenant, now, gateway, id, suspicion, lease).await?
            }
            Some(relapsed) => {
                findings::reopen(connection, tenant, now, relapsed, suspicion, lease).await?
            }
        };
        if !is_first {
            return Err(Abort::Undo(Unwritten::Known));
        }
        Ok(())
    });
    match written.await {
        Ok(()) => {
            let order_id = suspicion.order.map(|(order_id, _): (OrderId, _)| order_id);
            let order_id = order_id.map(tracing::field::display);
            let kind = suspicion.kind.as_str();
            tracing::warn!(finding_id = %id, kind, order_id, "the gateway's books and ours differ");
            Ok(Recorded::New(id))
        }
        Err(Abort::Undo(Unwritten::OrderMoved)) => Ok(Recorded::Lost),
        Err(Abort::Undo(Unwritten::Known)) => {
            let seen = findings::see(&mut connection, tenant, now, gateway, suspicion).await?;
            Ok(seen.map_or(Recorded::Lost, |seen| Recorded::Known(seen.id)))
        }
        Err(Abort::Failed(error)) => Err(error),
    }
}
