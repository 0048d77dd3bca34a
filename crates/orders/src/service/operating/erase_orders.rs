//! Erases the personal data of orders, page by page, each in its own transaction.

use std::time::Duration;

use oms_database::{Connection, DbError, transaction};
use oms_fulfilment::{HoldHandle, erase_addresses, find_open_orders};
use oms_geocoding::Address;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::erasure::{
    Eligibility, Erasure, ErasureProgress, ErasureScope, LookedAt, OpenErasure,
};
use crate::error::OrderError;
use crate::store::erasures::{self, Claimed, PageDone, Pauses};
use crate::store::{order_erasure, standings};

/// Maximum number of orders that a page looks at.
pub(crate) const PAGE: i64 = 200;

/// The note on the timeline of each erased order.
const CUSTOMER_ERASED: &str = "the customer's personal data was erased";

/// Erases up to the given number of pages of a claimed erasure, or until its pass ends. The erasure is then complete,
/// or due again for the remaining orders. Returns it with the number of orders erased. Stops early if a later claim
/// takes the erasure.
pub(crate) async fn erase_pages(
    context: &OrderContext,
    tenant: TenantId,
    erasure: Erasure,
    most: usize,
) -> Result<(Erasure, u64), OrderError> {
    let ErasureProgress::Open(mut open) = erasure.progress else {
        return Ok((erasure, 0));
    };
    let mut erased = 0;
    for _ in 0..most {
        let Some(page) = erase_page(context, tenant, &erasure, open).await? else {
            break;
        };
        erased += u64::try_from(page.erased).unwrap_or_default();
        open.position = page.position;
        if page.position.is_none() {
            break;
        }
    }
    let claimed = claimed(tenant, &erasure, open);
    Ok((end_turn(context, claimed).await?, erased))
}

/// Erases one page. Returns `None` if the claim was lost.
async fn erase_page(
    context: &OrderContext,
    tenant: TenantId,
    erasure: &Erasure,
    open: OpenErasure,
) -> Result<Option<PageDone>, OrderError> {
    let eligibility = eligibility_of(context, erasure);
    let (now, of) = (context.now(), (open.customer_id, erasure.covers_until));
    let mut connection = context.database.acquire().await?;
    let page = order_erasure::page_of_customer(
        &mut connection,
        tenant,
        now,
        eligibility,
        of,
        open.position,
        PAGE,
    );
    let mut page = page.await?;
    keep_unsent(&mut connection, tenant, &mut page).await?;
    drop(connection);
    forget(context, tenant, &page).await?;
    let (erasable, position) = split(&page);
    let scope = ErasureScope::Customer {
        customer: open.customer_id,
        pseudonym: open.pseudonym,
    };
    let authorship = Authorship {
        actor: &erasure.requested_by,
        reason: CUSTOMER_ERASED,
    };
    let claimed = claimed(tenant, erasure, open);
    let mut connection = context.database.acquire().await?;
    let erasing = transaction(&mut connection, async |connection| {
        if !erasures::hold(connection, claimed).await? {
            return Ok(None);
        }
        let erased = erase_sent(
            connection,
            tenant,
            now,
            eligibility,
            &erasable,
            scope,
            authorship,
        );
        let erased = erased.await?;
        standings::delete_declines_of_customer(connection, tenant, open.customer_id).await?;
        let done = PageDone {
            erased,
            passed_over: usize::try_from(erased).is_ok_and(|erased| erased < erasable.len()),
            position,
        };
        erasures::advance(connection, claimed, done).await?;
        Ok(Some(done))
    });
    erasing.await
}

async fn end_turn(context: &OrderContext, claimed: Claimed) -> Result<Erasure, OrderError> {
    let settings = &context.settings;
    let pauses = Pauses {
        retry: settings.erasure_retry,
        recheck: settings.erasure_recheck,
    };
    let (now, mut connection) = (context.now(), context.database.acquire().await?);
    let ended = erasures::end_turn(&mut connection, now, claimed, pauses).await?;
    match ended {
        Some(erasure) => Ok(erasure),
        None => Ok(erasures::get(&mut connection, claimed.tenant, claimed.id).await?),
    }
}

fn claimed(tenant: TenantId, erasure: &Erasure, open: OpenErasure) -> Claimed {
    Claimed {
        tenant,
        id: erasure.id,
        lease: open.lease,
    }
}

fn eligibility_of(context: &OrderContext, erasure: &Erasure) -> Eligibility {
    let paid_for = match erasure.includes_recent {
        true => Duration::ZERO,
        false => context.settings.erase_paid_after,
    };
    Eligibility { paid_for }
}

/// Returns the orders of a page that may be erased, and the position for the next page, if there may be one.
pub(crate) fn split(page: &[LookedAt]) -> (Vec<OrderId>, Option<OrderId>) {
    let erasable = page.iter().filter(|it| it.is_erasable).map(|it| it.id);
    let is_full = i64::try_from(page.len()).is_ok_and(|length| length >= PAGE);
    let last = page.last().filter(|_| is_full).map(|it| it.id);
    (erasable.collect(), last)
}

/// Keeps orders of a page that have something left to send: their addresses are needed. A fulfilment order that is on
/// hold because its order is older than oms's records of shipping does not count.
pub(crate) async fn keep_unsent(
    connection: &mut Connection,
    tenant: TenantId,
    page: &mut [LookedAt],
) -> Result<(), DbError> {
    let erasable = page.iter().filter(|it| it.is_erasable).map(|it| it.id);
    let erasable: Vec<OrderId> = erasable.collect();
    if erasable.is_empty() {
        return Ok(());
    }
    let unsent = find_open_orders(
        connection,
        tenant,
        &erasable,
        &HoldHandle::before_fulfilment(),
    )
    .await?;
    for order in page.iter_mut().filter(|it| unsent.contains(&it.id)) {
        order.is_erasable = false;
    }
    Ok(())
}

/// Erases those of the given orders that may be erased and have nothing left to send, with their shipments, and returns
/// their number. Each is locked before its fulfilment orders are read, so that none is opened meanwhile.
pub(crate) async fn erase_sent(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    eligibility: Eligibility,
    ids: &[OrderId],
    scope: ErasureScope,
    authorship: Authorship<'_>,
) -> Result<i32, DbError> {
    let mut locked = order_erasure::lock(connection, tenant, ids).await?;
    let unsent = find_open_orders(
        connection,
        tenant,
        &locked,
        &HoldHandle::before_fulfilment(),
    )
    .await?;
    locked.retain(|id| !unsent.contains(id));
    let erased = order_erasure::erase(
        connection,
        tenant,
        now,
        eligibility,
        &locked,
        scope,
        authorship,
    );
    let erased = erased.await?;
    erase_shipments(connection, tenant, &locked).await?;
    Ok(erased)
}

/// Erases the addresses of the shipments of those orders that are erased.
async fn erase_shipments(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<(), DbError> {
    let erased = order_erasure::find_erased(connection, tenant, ids).await?;
    match erased.is_empty() {
        true => Ok(()),
        false => erase_addresses(connection, tenant, &erased).await,
    }
}

/// Deletes the cached coordinates of the addresses before the orders are erased: an interrupted run repeats both.
pub(crate) async fn forget(
    context: &OrderContext,
    tenant: TenantId,
    page: &[LookedAt],
) -> Result<(), OrderError> {
    let addresses = page.iter().filter(|it| it.is_erasable);
    let addresses = addresses.filter_map(|it| it.address.as_ref()?.query().ok());
    let addresses: Vec<Address> = addresses.collect();
    if !addresses.is_empty() {
        let geocoder = &context.geocoder;
        geocoder.forget(tenant.as_uuid(), &addresses).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let looked_at = |is_erasable| LookedAt {
            id: OrderId::generate(),
            address: None,
            is_erasable,
        };
        let page = [looked_at(true), looked_at(false)];
        assert_eq!(split(&page), (vec![page[0].id], None));
        let full: Vec<_> = (0..PAGE).map(|_| looked_at(false)).collect();
        assert_eq!(split(&full), (vec![], Some(full[full.len() - 1].id)));
    }
}
