//! The work lists of warehouses.
//!
//! A page looks at a bounded number of rows, so that no filter can make it slow: it may be short instead.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Cursor, TenantId};

use crate::domain::fulfilment_order::{FulfilmentOrder, ShownStatus};
use crate::domain::work_list::{ListedBy, WorkListCursor, WorkListFilter};
use crate::store::fulfilment_orders::{Row, select_fulfilment_orders, with_parts};
use crate::store::{Now, most_looked_at, row_limit};

/// A part of a list.
pub(crate) struct Listed {
    /// Those that match.
    pub(crate) orders: Vec<FulfilmentOrder>,
    /// Where the search stopped, if it stopped before the list ended and before the page was full.
    pub(crate) looked_until: Option<WorkListCursor>,
}

/// Selects a page. `$5` to `$9` are the status, the latest due time, the end of the previous page and the limit. If the
/// search stopped early, the last row that it looked at is returned too, whether or not it matches.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            "SELECT *, coalesce(ship_by, created_at) AS due_at FROM (
                 SELECT l.*, row_number() OVER (ORDER BY coalesce(l.ship_by, l.created_at), l.id) AS position,
                     ($5 IS NULL OR $5 = CASE
                         WHEN l.closed_at IS NOT NULL THEN l.status::text
                         WHEN EXISTS (SELECT FROM fulfilment.holds h
                                      WHERE h.tenant_id = $1 AND h.fulfilment_order_id = l.id) THEN 'ON_HOLD'
                         WHEN l.is_scheduled THEN 'SCHEDULED'
                         ELSE l.status::text END) AS is_wanted
                 FROM (",
            select_fulfilment_orders!($condition),
            " AND coalesce(ship_by, created_at) < coalesce($6, 'infinity')
              AND (coalesce(ship_by, created_at), id)
                  > (coalesce($7, '-infinity'), coalesce($8, '00000000-0000-0000-0000-000000000000'))
              ORDER BY coalesce(ship_by, created_at), id LIMIT ",
            most_looked_at!(),
            ") l
             ) looked_at
             WHERE is_wanted OR position = ",
            most_looked_at!(),
            " ORDER BY position LIMIT $9"
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
) -> Result<Listed, DbError> {
    #[derive(QueryableByName)]
    struct LookedAt {
        #[diesel(embed)]
        order: Row,
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = Bool)]
        is_wanted: bool,
    }

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
    let mut rows: Vec<LookedAt> = cached_sql(text)
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
    let last = rows.last().filter(|row| row.position == most_looked_at!());
    let looked_until = last.map(|row| Cursor((row.due_at, row.order.id())));
    rows.retain(|row| row.is_wanted);
    let rows = rows.into_iter().map(|row| row.order).collect();
    Ok(Listed {
        orders: with_parts(connection, tenant, rows).await?,
        looked_until,
    })
}
