//! Erases personal data of fulfilment orders, shipments and returns.

use diesel::sql_types::{Array, Uuid as SqlUuid};
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, send_in_transaction,
};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

/// Erases where shipments of orders went and why they were cancelled, the carriers' words and tracking URLs, which may
/// name who took a parcel in or contain the address, and the notes of holds.
///
/// The shipments are first, because a tracking report locks its shipment: it is either erased here, or it finds the
/// shipment erased.
pub(crate) async fn erase(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    let of = |text| erasing(text, tenant, order_ids);
    let shipments = (
        of("UPDATE fulfilment.shipments SET destination = NULL, cancel_reason = NULL, version = version + 1
            WHERE tenant_id = $1 AND order_id = ANY ($2) AND (destination IS NOT NULL OR cancel_reason IS NOT NULL)"),
        of("UPDATE fulfilment.parcels p SET tracking_url = NULL
            FROM fulfilment.shipments s
            WHERE p.tenant_id = $1 AND s.tenant_id = $1 AND s.id = p.shipment_id AND s.order_id = ANY ($2)
                AND p.tracking_url IS NOT NULL"),
        of("UPDATE fulfilment.tracking_events e SET detail = NULL
            FROM fulfilment.shipments s
            WHERE e.tenant_id = $1 AND s.tenant_id = $1 AND s.id = e.shipment_id AND s.order_id = ANY ($2)
                AND e.detail IS NOT NULL"),
    );
    send_in_transaction(connection, shipments).await?;
    let holds = (
        of("UPDATE fulfilment.fulfilment_orders f SET version = version + 1
            WHERE f.tenant_id = $1 AND f.order_id = ANY ($2) AND EXISTS (
                SELECT FROM fulfilment.holds h
                WHERE h.tenant_id = $1 AND h.fulfilment_order_id = f.id AND h.note IS NOT NULL)"),
        of("UPDATE fulfilment.holds h SET note = NULL
            FROM fulfilment.fulfilment_orders f
            WHERE h.tenant_id = $1 AND f.tenant_id = $1 AND f.id = h.fulfilment_order_id AND f.order_id = ANY ($2)
                AND h.note IS NOT NULL"),
    );
    send_in_transaction(connection, holds).await?;
    Ok(())
}

fn erasing<'q>(
    text: &'static str,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, usize> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .affected()
}

/// Erases what customers and operators wrote about the returns of orders.
pub(crate) async fn erase_return_texts(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<(), DbError> {
    let text = "UPDATE fulfilment.returns
         SET note = NULL, override_reason = NULL, decision_reason = NULL, version = version + 1
         WHERE tenant_id = $1 AND order_id = ANY ($2)
             AND (note IS NOT NULL OR override_reason IS NOT NULL OR decision_reason IS NOT NULL)";
    erasing(text, tenant, order_ids).run(connection).await?;
    Ok(())
}
