//! Which orders need an operator because of their money.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::finding::FindingKind;
use crate::domain::need::Need;

/// The needs of the given orders: open dead letters, and open findings about which oms does nothing by itself.
pub(crate) fn find<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, Vec<(OrderId, Need)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        /// Of a finding.
        #[diesel(sql_type = Nullable<Text>)]
        kind: Option<String>,
    }

    let need = |row: Row| {
        let of_finding = |kind: String| Need::of(FindingKind::stored(&kind));
        let need = row.kind.map_or(Need::DeadLetter, of_finding);
        (row.order_id.into(), need)
    };
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT d.order_id, NULL::text AS kind FROM orders.dead_letters d
         WHERE d.tenant_id = $1 AND d.order_id = ANY ($2) AND d.resolved_at IS NULL
         UNION ALL
         SELECT f.order_id, f.kind FROM orders.findings f
         WHERE f.tenant_id = $1 AND f.order_id = ANY ($2) AND f.resolved_at IS NULL AND f.due_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Row>()
    .map(move |rows| rows.into_iter().map(need).collect())
}
