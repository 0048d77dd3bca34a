//! The fulfilment orders on hold, of all warehouses of a tenant.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::FulfilmentOrderId;
use crate::store::fulfilment_orders::{Row, select_fulfilment_orders, with_parts};
use crate::store::{Now, most_looked_at, row_limit};

/// A part of the list.
pub(crate) struct Held {
    /// Those that are open.
    pub(crate) orders: Vec<FulfilmentOrder>,
    /// Where the search stopped, if it stopped before the list ended and before the page was full.
    pub(crate) looked_until: Option<FulfilmentOrderId>,
}

/// Returns up to `limit` open fulfilment orders on hold after one, the oldest first. It looks at a bounded number of
/// holds, because those of closed fulfilment orders stay.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    after: Option<FulfilmentOrderId>,
    limit: usize,
) -> Result<Held, DbError> {
    #[derive(QueryableByName)]
    struct LookedAt {
        #[diesel(embed)]
        order: Row,
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = Bool)]
        is_open: bool,
    }

    let mut rows: Vec<LookedAt> = cached_sql(concat!(
        "SELECT * FROM (
             SELECT f.*, h.position, f.closed_at IS NULL AS is_open
             FROM (SELECT fulfilment_order_id, row_number() OVER (ORDER BY fulfilment_order_id) AS position
                   FROM (SELECT DISTINCT fulfilment_order_id FROM fulfilment.holds
                         WHERE tenant_id = $1
                           AND fulfilment_order_id > coalesce($3, '00000000-0000-0000-0000-000000000000')
                         ORDER BY fulfilment_order_id LIMIT ",
        most_looked_at!(),
        ") ids) h
             JOIN (",
        select_fulfilment_orders!("true"),
        ") f ON f.id = h.fulfilment_order_id
         ) looked_at
         WHERE is_open OR position = ",
        most_looked_at!(),
        " ORDER BY position LIMIT $4"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<SqlUuid>, _>(after.map(|id| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let last = rows.last().filter(|row| row.position == most_looked_at!());
    let looked_until = last.map(|row| row.order.id());
    rows.retain(|row| row.is_open);
    let rows = rows.into_iter().map(|row| row.order).collect();
    Ok(Held {
        orders: with_parts(connection, tenant, rows).await?,
        looked_until,
    })
}
