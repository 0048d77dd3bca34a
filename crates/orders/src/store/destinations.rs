//! Where orders ship to.

use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Location, OrderId, TenantId};
use serde_json::Value;

use crate::store::unreadable;

/// The place to which an order was routed. `None` if the order does not exist, and after its erasure.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<Location>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Jsonb>)]
        destination: Option<Value>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT routing->'destination' AS destination
         FROM orders.orders WHERE tenant_id = $1 AND id = $2 AND erased_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    let destination = rows.into_iter().next().and_then(|row| row.destination);
    destination
        .map(|value| serde_json::from_value(value).map_err(unreadable))
        .transpose()
}
