//! How much of orders is sent, without reading their shipments.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::fulfilment_status::FulfilmentStatus;

/// Returns the fulfilment statuses of orders. Orders without fulfilment orders are missing.
pub(crate) fn find_statuses<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, HashMap<OrderId, FulfilmentStatus>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = BigInt)]
        shipped: i64,
        #[diesel(sql_type = BigInt)]
        outstanding: i64,
        #[diesel(sql_type = Bool)]
        is_delivered: bool,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT f.order_id, coalesce(sum(l.shipped), 0)::bigint AS shipped,
                coalesce(sum(l.quantity - l.shipped - l.cancelled), 0)::bigint AS outstanding,
                NOT EXISTS (SELECT FROM fulfilment.shipments s
                    WHERE s.tenant_id = $1 AND s.order_id = f.order_id AND s.status IN ('PACKED', 'SHIPPED'))
                    AS is_delivered
         FROM fulfilment.fulfilment_orders f
         LEFT JOIN fulfilment.lines l ON l.tenant_id = $1 AND l.fulfilment_order_id = f.id
         WHERE f.tenant_id = $1 AND f.order_id = ANY ($2)
         GROUP BY f.order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Row>()
    .map(|rows| {
        let status = |row: Row| {
            let (shipped, outstanding) = (row.shipped, row.outstanding);
            let status = FulfilmentStatus::of_units(shipped, outstanding, row.is_delivered);
            (row.order_id.into(), status)
        };
        rows.into_iter().map(status).collect()
    })
}
