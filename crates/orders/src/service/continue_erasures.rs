//! Going on with erasures that their requests did not complete.

use std::time::Duration;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::erase_orders::erase_pages;
use crate::store::erasures;

/// Pages of each erasure in a turn.
const PAGES: usize = 5;

/// How long a claimed erasure belongs to one worker. Longer than its pages take.
const LEASE: Duration = Duration::from_secs(300);

/// A turn of the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureTurn {
    /// Orders that were erased.
    pub erased: u64,
    /// Whether an erasure was due. Another one may be, or the same one again.
    pub more: bool,
}

/// Goes on with the erasure of each tenant that is longest due. Repeat it while there are more.
///
/// # Errors
/// When the database does not answer. What was erased before stays erased, and the erasure is due again when its lease ends.
pub async fn continue_erasures(context: &OrderContext) -> Result<ErasureTurn, OrderError> {
    let now = context.now();
    let mut connection = context.database.acquire().await?;
    let tenants = erasures::find_due_tenants(&mut connection, now).await?;
    drop(connection);
    let mut turn = ErasureTurn::default();
    for tenant in tenants {
        let mut connection = context.database.acquire().await?;
        let claimed = erasures::claim_due(&mut connection, tenant, now, LEASE).await?;
        drop(connection);
        let Some(erasure) = claimed else { continue };
        let before = erasure.erased_orders;
        let after = erase_pages(context, tenant, erasure, PAGES).await?;
        let erased = after.erased_orders.saturating_sub(before);
        turn.erased += u64::try_from(erased).unwrap_or_default();
        turn.more = true;
    }
    Ok(turn)
}

/// For how long the oldest erasure that is not complete has been open, of all tenants. `None` when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn oldest_erasure(context: &OrderContext) -> Result<Option<Duration>, OrderError> {
    let (now, mut connection) = (context.now(), context.database.acquire().await?);
    Ok(erasures::oldest_age(&mut connection, now).await?)
}
