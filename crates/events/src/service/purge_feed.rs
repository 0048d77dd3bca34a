//! Deletes what is old from the feeds.

use std::time::Duration;

use oms_database::{Connection, DbError, LockWait, Transaction};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::key::EventKey;
use crate::store::{heads, records, segments};

/// Maximum number of segments of a tenant in one turn.
const SEGMENTS: i64 = 200;

/// Deletes segments older than `older_than`, with the records in them, and returns the number of segments. A tenant
/// whose feed is being written is skipped. Repeat it until it returns 0.
///
/// # Errors
/// If the database fails. What was deleted already stays deleted.
pub async fn purge_feed(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    let mut deleted = 0;
    for tenant in segments::find_tenants_with_old(connection, older_than).await? {
        deleted += purge_tenant(connection, tenant, older_than).await?;
    }
    Ok(deleted)
}

async fn purge_tenant(
    connection: &mut Connection,
    tenant: TenantId,
    older_than: Duration,
) -> Result<usize, DbError> {
    let old = segments::find_old(connection, tenant, older_than, SEGMENTS).await?;
    let Some(last) = old.last() else {
        return Ok(0);
    };
    let keys = old.iter().flat_map(|segment| &segment.keys);
    let records = keys.filter(|key| EventKey::is_record(**key));
    let ids: Vec<Uuid> = records.map(|key| key.subject_id).collect();
    let to = last.last_position;
    let mut transaction = Transaction::new(connection, LockWait::Session);
    match transaction.send((heads::lock(tenant),)).await {
        Ok((Some(_),)) => {}
        Ok((None,)) => {
            transaction.roll_back().await;
            return Ok(0);
        }
        Err(error) => {
            transaction.roll_back().await;
            return Err(error);
        }
    }
    let steps = (
        segments::delete(tenant, to),
        records::delete(tenant, ids),
        heads::set_purged(tenant, to),
    );
    let (deleted, _, _) = transaction.commit_with(steps).await?;
    Ok(deleted)
}
