//! Erases the addresses of old orders.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use oms_database::transaction;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::RETENTION;
use crate::domain::authorship::Authorship;
use crate::domain::erasure::{Eligibility, ErasureScope};
use crate::error::OrderError;
use crate::service::operating::erase_orders::{PAGE, erase_sent, forget, keep_unsent, split};
use crate::store::{order_erasure, tenants};

/// The note on the timeline of each order.
const EXPIRED: &str = "the address was erased at the end of its retention period";

/// The position of a pass over the orders of each tenant. Kept in memory: the next pass finds what an interrupted one
/// left.
#[derive(Clone, Debug, Default)]
pub struct AddressPass(HashMap<TenantId, OrderId>);

/// The result of one turn of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressTurn {
    /// Number of orders whose addresses were erased.
    pub erased: u64,
    /// Whether the pass continues.
    pub more: bool,
}

/// Erases addresses, destinations and metadata of settled orders placed longer ago than `older_than`: one page for each
/// tenant. Leaves to a later pass what is not settled or not sent, and also paid orders that an erasure of their customer
/// would leave alone.
///
/// # Errors
/// If the database can't list the tenants. Erased addresses stay erased. A tenant that fails delays no other.
pub async fn purge_addresses(
    context: &OrderContext,
    pass: &mut AddressPass,
    older_than: Duration,
) -> Result<AddressTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut turn = AddressTurn::default();
    for tenant in tenants {
        let position = pass.0.get(&tenant).copied();
        let purged = purge_page(context, tenant, position, older_than).await;
        let (erased, next) = purged.unwrap_or_else(|error| {
            let cause: &dyn Error = &error;
            tracing::warn!(%tenant, cause, "old addresses of a tenant could not be erased");
            (0, None)
        });
        turn.erased += u64::try_from(erased).unwrap_or_default();
        if let Some(next) = next {
            pass.0.insert(tenant, next);
            turn.more = true;
        }
    }
    Ok(turn)
}

async fn purge_page(
    context: &OrderContext,
    tenant: TenantId,
    after: Option<OrderId>,
    older_than: Duration,
) -> Result<(i32, Option<OrderId>), OrderError> {
    let eligibility = Eligibility {
        paid_for: older_than.max(context.settings.erase_paid_after),
    };
    let now = context.now();
    let mut connection = context.database.acquire().await?;
    let page = order_erasure::page_of_age(
        &mut connection,
        tenant,
        now,
        eligibility,
        older_than,
        after,
        PAGE,
    );
    let mut page = page.await?;
    keep_unsent(&mut connection, tenant, &mut page).await?;
    drop(connection);
    let (erasable, next) = split(&page);
    if erasable.is_empty() {
        return Ok((0, next));
    }
    forget(context, tenant, &page).await?;
    let authorship = Authorship {
        actor: RETENTION,
        reason: EXPIRED,
    };
    let mut connection = context.database.acquire().await?;
    let erased = transaction(&mut connection, async |connection| {
        erase_sent(
            connection,
            tenant,
            now,
            eligibility,
            &erasable,
            ErasureScope::Address,
            authorship,
        )
        .await
    });
    Ok((erased.await?, next))
}
