//! Orders with something left to send.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::hold::HoldHandle;
use crate::domain::open_order::OpenOrder;
use crate::store::{OrderRow, named_orders, row_limit};

/// Returns up to `limit` orders with an open fulfilment order, in ID order, after the given one.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    after: Option<OrderId>,
    limit: usize,
) -> Result<Vec<OpenOrder>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Bool)]
        has_frozen: bool,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT f.order_id, bool_or(l.frozen > 0) AS has_frozen
         FROM fulfilment.fulfilment_orders f
         JOIN fulfilment.lines l ON l.tenant_id = $1 AND l.fulfilment_order_id = f.id
         WHERE f.tenant_id = $1 AND f.order_id > $2 AND f.closed_at IS NULL
         GROUP BY f.order_id ORDER BY f.order_id LIMIT $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), OrderId::as_uuid))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let open = |row: Row| OpenOrder {
        order_id: row.order_id.into(),
        has_frozen: row.has_frozen,
    };
    Ok(rows.into_iter().map(open).collect())
}

/// Returns those of the given orders that have an open fulfilment order without this hold.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
    except: &HoldHandle,
) -> Result<BTreeSet<OrderId>, DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<OrderRow> = cached_sql(
        "SELECT DISTINCT f.order_id FROM fulfilment.fulfilment_orders f
         WHERE f.tenant_id = $1 AND f.order_id = ANY ($2) AND f.closed_at IS NULL
             AND NOT EXISTS (SELECT FROM fulfilment.holds h
                 WHERE h.tenant_id = $1 AND h.fulfilment_order_id = f.id AND h.handle = $3)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Text, _>(except.as_str())
    .load(connection)
    .await?;
    Ok(named_orders(rows))
}

/// Returns those of the given orders that have an open fulfilment order on hold.
pub(crate) fn find_held<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, BTreeSet<OrderId>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT DISTINCT f.order_id FROM fulfilment.fulfilment_orders f
         JOIN fulfilment.holds h ON h.tenant_id = $1 AND h.fulfilment_order_id = f.id
         WHERE f.tenant_id = $1 AND f.order_id = ANY ($2) AND f.closed_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows()
    .map(named_orders)
}
