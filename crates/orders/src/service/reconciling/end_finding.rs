//! Resolves a finding, with a note on its order's timeline, in the caller's transaction.

use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::finding::Finding;
use crate::domain::reason::cut;
use crate::service::transitions::abort::{Abort, Lost};
use crate::service::transitions::change_status::add_note;
use crate::store::findings;

/// Resolves an open finding by compare-and-set.
pub(crate) async fn end_finding<E: From<DbError>>(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    finding: &Finding,
    by: &str,
    note: &str,
) -> Result<(), Abort<Lost, E>> {
    let id = finding.id;
    let reason = cut(&format!("finding {id} was resolved: {note}"));
    let authorship = Authorship {
        actor: by,
        reason: &reason,
    };
    if let Some(order_id) = finding.order_id {
        // Lock the order first, as everywhere.
        add_note(connection, tenant, now, order_id, authorship).await?;
    }
    let resolved = findings::resolve(connection, tenant, now, id, by, &cut(note)).await?;
    resolved.then_some(()).ok_or(Abort::LOST)
}
