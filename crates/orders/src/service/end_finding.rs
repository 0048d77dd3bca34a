//! Resolving a finding, with a note in the timeline of its order, in one commit.

use oms_database::transaction;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::finding::Finding;
use crate::domain::reason::cut;
use crate::error::OrderError;
use crate::service::abort::{Abort, unless_lost};
use crate::service::change_status::add_note;
use crate::store::findings;

/// Resolves an open finding by compare-and-set. False when somebody else was first; nothing was changed then.
pub(crate) async fn end_finding(
    context: &OrderContext,
    tenant: TenantId,
    finding: &Finding,
    by: &str,
    note: &str,
) -> Result<bool, OrderError> {
    let (now, id) = (context.now(), finding.id);
    let reason = cut(&format!("finding {id} is resolved: {note}"));
    let authorship = Authorship {
        actor: by,
        reason: &reason,
    };
    let mut connection = context.database.acquire().await?;
    let ended = transaction(&mut connection, async |connection| {
        if let Some(order_id) = finding.order_id {
            // The order first, as everywhere.
            add_note(connection, tenant, now, order_id, authorship).await?;
        }
        if !findings::resolve(connection, tenant, now, id, by, &cut(note)).await? {
            return Err(Abort::Lost);
        }
        Ok(())
    });
    Ok(unless_lost(ended.await)?.is_some())
}
