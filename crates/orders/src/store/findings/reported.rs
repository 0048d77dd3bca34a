//! Findings about what the gateway reported for an order's payment: a failed refund or a dispute.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_payments::Reference;
use oms_validation::{Money, OrderId, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::domain::actor::GATEWAY;
use crate::domain::clock::Now;
use crate::domain::finding::FindingKind;
use crate::domain::id::FindingId;
use crate::store::records;

/// A problem with an order's payment that needs an operator.
#[derive(Clone, Debug)]
pub(crate) struct Reported<'a> {
    pub(crate) kind: FindingKind,
    /// The gateway's ID of the refund or the dispute. Each has one finding.
    pub(crate) subject: &'a Reference,
    pub(crate) payment: Option<&'a Reference>,
    pub(crate) order_id: OrderId,
    pub(crate) amount: Money,
    /// 1 to 500 characters.
    pub(crate) detail: &'a str,
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Writes a finding, or reopens it with the new difference.
pub(crate) async fn report(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    reported: &Reported<'_>,
) -> Result<FindingId, DbError> {
    let written: Written = cached_sql(
        "INSERT INTO orders.findings
             (tenant_id, id, kind, gateway, subject, payment_reference, order_id, found_minor, found_currency, detail,
              action, found_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'none', greatest($11, now()), greatest($11, now()))
         ON CONFLICT (tenant_id, gateway, kind, subject) DO UPDATE
         SET detail = excluded.detail, found_minor = excluded.found_minor, found_currency = excluded.found_currency,
             last_seen_at = excluded.last_seen_at, resolved_at = NULL, resolved_by = NULL, note = NULL
         RETURNING id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(FindingId::generate().as_uuid())
    .bind::<Text, _>(reported.kind.as_str())
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(reported.subject.as_str())
    .bind::<Nullable<Text>, _>(reported.payment.map(Reference::as_str))
    .bind::<SqlUuid, _>(reported.order_id.as_uuid())
    .bind::<BigInt, _>(reported.amount.amount_minor)
    .bind::<Text, _>(reported.amount.currency.as_str())
    .bind::<Text, _>(reported.detail)
    .bind::<Nullable<Timestamptz>, _>(now)
    .get_result(connection)
    .await?;
    let (kind, order_id) = (reported.kind.as_str().to_owned(), reported.order_id);
    let opened = [(written.id, kind, Some(order_id.as_uuid()))];
    records::of_findings(
        connection,
        tenant,
        now,
        "finding.opened",
        &opened,
        &json!({}),
    )
    .await?;
    Ok(written.id.into())
}

/// Returns the given orders that have a refund that first succeeded and later failed.
pub(crate) async fn with_failed_refunds(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashSet<OrderId>, DbError> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let orders: Vec<Written> = cached_sql(
        "SELECT DISTINCT order_id AS id FROM orders.findings
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND kind = 'refund_failed'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(orders.into_iter().map(|row| row.id.into()).collect())
}

/// Resolves an order's open findings of one kind, about one subject if given, because the gateway reports them as
/// settled. Returns them.
pub(crate) async fn resolve_reported(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    kind: FindingKind,
    subject: Option<&Reference>,
    note: &str,
) -> Result<Vec<FindingId>, DbError> {
    let resolved: Vec<Written> = cached_sql(
        "UPDATE orders.findings
         SET resolved_at = greatest($7, now()), resolved_by = $5, note = $6, due_at = NULL
         WHERE tenant_id = $1 AND order_id = $2 AND kind = $3 AND ($4 IS NULL OR subject = $4) AND resolved_at IS NULL
         RETURNING id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(kind.as_str())
    .bind::<Nullable<Text>, _>(subject.map(Reference::as_str))
    .bind::<Text, _>(GATEWAY)
    .bind::<Text, _>(note)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let kind = kind.as_str();
    let published = resolved
        .iter()
        .map(|row| (row.id, kind.to_owned(), Some(order_id.as_uuid())));
    let (published, facts): (Vec<_>, _) = (published.collect(), json!({ "resolvedBy": GATEWAY }));
    records::of_findings(
        connection,
        tenant,
        now,
        "finding.resolved",
        &published,
        &facts,
    )
    .await?;
    Ok(resolved.into_iter().map(|row| row.id.into()).collect())
}
