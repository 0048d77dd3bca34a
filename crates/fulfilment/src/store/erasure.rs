//! Erases personal data of shipments and returns.

use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

/// Erases the destinations of the shipments of orders.
pub(crate) async fn erase_destinations(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "UPDATE fulfilment.shipments SET destination = NULL, version = version + 1
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND destination IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Erases the carriers' words about the parcels of orders, which may name who took a parcel in.
pub(crate) async fn erase_details(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "UPDATE fulfilment.tracking_events e SET detail = NULL
         FROM fulfilment.shipments s
         WHERE e.tenant_id = $1 AND s.tenant_id = $1 AND s.id = e.shipment_id AND s.order_id = ANY ($2)
             AND e.detail IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Erases what customers and operators wrote about the returns of orders.
pub(crate) async fn erase_return_texts(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "UPDATE fulfilment.returns
         SET note = NULL, override_reason = NULL, decision_reason = NULL, version = version + 1
         WHERE tenant_id = $1 AND order_id = ANY ($2)
             AND (note IS NOT NULL OR override_reason IS NOT NULL OR decision_reason IS NOT NULL)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}
