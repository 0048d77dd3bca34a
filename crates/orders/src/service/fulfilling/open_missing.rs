//! Opens the fulfilment orders of orders that an earlier version of the program made `PAID`.

use std::collections::HashMap;

use oms_database::transaction;
use oms_fulfilment::find_opened;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::open_fulfilment::open_belatedly;
use crate::store::{orders, paid_orders, tenants};

/// Paid orders that one turn looks at, for each tenant.
const PAGE: usize = 500;

/// How far the orders of each tenant were looked at. It begins anew with the process, which costs one pass over the
/// primary key and writes nothing where nothing is missing.
#[derive(Debug, Default)]
pub struct OpeningPass(HashMap<TenantId, OrderId>);

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpeningTurn {
    /// Fulfilment orders that were opened.
    pub opened: u64,
    /// Whether there are more orders to look at.
    pub more: bool,
}

/// Looks at a page of paid orders of every tenant, and opens the fulfilment orders that are missing. Orders that become
/// `PAID` meanwhile have theirs already.
///
/// # Errors
/// If the database does not answer. What was opened stays.
pub async fn open_missing(
    context: &OrderContext,
    pass: &mut OpeningPass,
) -> Result<OpeningTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut turn = OpeningTurn::default();
    for tenant in tenants {
        let after = pass.0.get(&tenant).copied();
        let mut connection = context.database.acquire().await?;
        let page = paid_orders::list_all(&mut connection, tenant, after, PAGE).await?;
        let opened = find_opened(&mut connection, tenant, &page).await?;
        drop(connection);
        for order_id in page.iter().filter(|id| !opened.contains(id)) {
            turn.opened += u64::from(open(context, tenant, *order_id).await?);
        }
        if let Some(last) = page.last() {
            pass.0.insert(tenant, *last);
        }
        turn.more |= page.len() == PAGE;
    }
    Ok(turn)
}

async fn open(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<bool, OrderError> {
    let mut connection = context.database.acquire().await?;
    let opening = transaction(&mut connection, async |connection| {
        let status = orders::lock_status(connection, tenant, order_id).await?;
        if status != Some(OrderStatus::Paid) {
            return Ok(false);
        }
        open_belatedly(connection, tenant, context.now(), order_id).await?;
        Ok::<_, OrderError>(true)
    });
    opening.await
}
