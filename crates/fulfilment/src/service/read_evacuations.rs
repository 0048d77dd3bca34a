//! Reads evacuations and their reports.

use oms_validation::{Cursor, Page, PageSize, TenantId, WarehouseId};

use crate::context::FulfilmentContext;
use crate::domain::evacuation::{
    EvacuatedCursor, EvacuatedOrder, Evacuation, EvacuationCursor, EvacuationOutcome,
};
use crate::domain::id::EvacuationId;
use crate::error::FulfilmentError;
use crate::service::evacuations::find_evacuation;
use crate::store::evacuations;

/// Returns an evacuation.
///
/// # Errors
/// `EvacuationNotFound`, or the database's error.
pub(crate) async fn get_evacuation(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: EvacuationId,
) -> Result<Evacuation, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    find_evacuation(&mut connection, tenant, id).await
}

/// Returns a page of evacuations, newest first.
///
/// # Errors
/// When the database fails.
pub(crate) async fn list_evacuations(
    context: &FulfilmentContext,
    tenant: TenantId,
    warehouse: Option<WarehouseId>,
    after: Option<EvacuationCursor>,
    size: PageSize,
) -> Result<Page<Evacuation, EvacuationCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    // One more row shows whether there is a next page.
    let limit = size.get() + 1;
    let found = evacuations::list(&mut connection, tenant, warehouse, after, limit).await?;
    Ok(Page::of(found, size, |it| Cursor(it.id)))
}

/// Returns a page of the fulfilment orders that an evacuation has dealt with.
///
/// # Errors
/// `EvacuationNotFound`, or the database's error.
pub(crate) async fn list_evacuated(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: EvacuationId,
    outcome: Option<EvacuationOutcome>,
    after: Option<EvacuatedCursor>,
    size: PageSize,
) -> Result<Page<EvacuatedOrder, EvacuatedCursor>, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    find_evacuation(&mut connection, tenant, id).await?;
    let limit = size.get() + 1;
    let found = evacuations::list_orders(&mut connection, tenant, id, outcome, after, limit);
    let of = |it: &EvacuatedOrder| Cursor(it.fulfilment_order_id);
    Ok(Page::of(found.await?, size, of))
}
