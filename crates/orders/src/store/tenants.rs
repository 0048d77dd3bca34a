//! The tenants that have orders.

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use oms_database::{AcrossTenants, Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

const LIST: AcrossTenants = AcrossTenants {
    stepping: "-- across tenants: lists them
         WITH RECURSIVE tenants (tenant_id) AS (
             (SELECT o.tenant_id FROM orders.orders o ORDER BY o.tenant_id LIMIT 1)
             UNION ALL
             SELECT following.tenant_id FROM tenants
             CROSS JOIN LATERAL (
                 SELECT o.tenant_id FROM orders.orders o
                 WHERE o.tenant_id > tenants.tenant_id ORDER BY o.tenant_id LIMIT 1
             ) following
         )
         SELECT tenant_id FROM tenants",
    visiting: "-- across tenants: lists them
         SELECT t.tenant_id FROM tenancy.tenants t
         CROSS JOIN LATERAL (SELECT o.id FROM orders.orders o WHERE o.tenant_id = t.tenant_id LIMIT 1) first
         ORDER BY t.tenant_id",
};

/// Returns the tenants that have orders, and therefore payment attempts. Takes one step in the primary key for each
/// tenant, regardless of the number of its orders.
pub(crate) async fn list(connection: &mut Connection) -> Result<Vec<TenantId>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
    }

    let text = LIST.text_for(connection).await?;
    let rows: Vec<Row> = cached_sql(text).load(connection).await?;
    Ok(rows.into_iter().map(|row| row.tenant_id.into()).collect())
}
