//! The work lists of warehouses.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Cursor, TenantId};

use crate::domain::fulfilment_order::{FulfilmentOrder, ShownStatus};
use crate::domain::work_list::{ListedBy, WorkListCursor, WorkListFilter};
use crate::store::fulfilment_orders::{Row, select_fulfilment_orders, with_parts};
use crate::store::{Now, row_limit};

/// Selects a page. `$5` to `$9` are the status, the latest due time, the end of the previous page and the limit.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            select_fulfilment_orders!($condition),
            " AND ($5 IS NULL OR $5 = CASE
                  WHEN closed_at IS NOT NULL THEN status
                  WHEN EXISTS (SELECT FROM fulfilment.holds h
                               WHERE h.tenant_id = $1 AND h.fulfilment_order_id = fulfilment_orders.id) THEN 'ON_HOLD'
                  WHEN not_before > greatest($2, now()) THEN 'SCHEDULED'
                  ELSE status END)
              AND ($6 IS NULL OR coalesce(ship_by, created_at) < $6)
              AND ($7 IS NULL OR (coalesce(ship_by, created_at), id) > ($7, $8))
              ORDER BY coalesce(ship_by, created_at), id LIMIT $9"
        )
    };
}

/// Returns up to `limit` fulfilment orders after a cursor. What is due first comes first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    filter: &WorkListFilter,
    after: Option<WorkListCursor>,
    limit: usize,
) -> Result<Vec<FulfilmentOrder>, DbError> {
    // Each has its own text, to be planned with the right index.
    let (text, order, warehouse) = match filter.by {
        ListedBy::Warehouse(id) => (
            select_page!("$3::uuid IS NULL AND warehouse_id = $4 AND closed_at IS NULL"),
            None,
            Some(id),
        ),
        ListedBy::Order(id, warehouse) => (
            select_page!("order_id = $3 AND ($4 IS NULL OR warehouse_id = $4)"),
            Some(id),
            warehouse,
        ),
    };
    let (due_at, id): (Option<DateTime<Utc>>, _) = after
        .map(|Cursor((due_at, id))| (due_at, id.as_uuid()))
        .unzip();
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Nullable<SqlUuid>, _>(order.map(|id| id.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(warehouse.map(|id| id.as_uuid()))
        .bind::<Nullable<Text>, _>(filter.status.map(ShownStatus::as_str))
        .bind::<Nullable<Timestamptz>, _>(filter.ship_by_before)
        .bind::<Nullable<Timestamptz>, _>(due_at)
        .bind::<Nullable<SqlUuid>, _>(id)
        .bind::<BigInt, _>(row_limit(limit))
        .load(connection)
        .await?;
    with_parts(connection, tenant, rows).await
}
