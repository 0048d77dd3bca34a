//! `orders.disputes`: the disputes of orders' payments, as the gateway last reported them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_payments::{DisputeState, Reference};
use oms_validation::{Currency, Money, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::dispute::Dispute;
use crate::store::unreadable;

/// Stores the current state of a dispute. The caller must hold the lock of its order.
pub(crate) async fn put(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    gateway: &str,
    dispute: &Dispute,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO orders.disputes
             (tenant_id, order_id, reference, gateway, state, amount_minor, currency, reason, evidence_due_at, opened_at,
              noted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, greatest($11, now()))
         ON CONFLICT (tenant_id, order_id, reference) DO UPDATE
         SET state = excluded.state, amount_minor = excluded.amount_minor, currency = excluded.currency,
             reason = excluded.reason, evidence_due_at = excluded.evidence_due_at, noted_at = excluded.noted_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(dispute.reference.as_str())
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(dispute.state.as_str())
    .bind::<BigInt, _>(dispute.amount.amount_minor)
    .bind::<Text, _>(dispute.amount.currency.as_str())
    .bind::<Text, _>(dispute.reason.as_str())
    .bind::<Nullable<Timestamptz>, _>(dispute.evidence_due_at)
    .bind::<Timestamptz, _>(dispute.opened_at)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The disputes of the given orders, newest first for each order.
pub(crate) async fn find_by_orders(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Dispute>>, DbError> {
    let rows = rows_of_orders(tenant, order_ids).run(connection).await?;
    by_order(rows)
}

/// The rows of the disputes of orders, newest first.
pub(crate) fn rows_of_orders<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT order_id, reference, state, amount_minor, currency, reason, evidence_due_at, opened_at
         FROM orders.disputes WHERE tenant_id = $1 AND order_id = ANY ($2) ORDER BY opened_at DESC, reference DESC",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows()
}

/// Groups rows by their orders.
pub(crate) fn by_order(rows: Vec<Row>) -> Result<HashMap<OrderId, Vec<Dispute>>, DbError> {
    let mut disputes = HashMap::<OrderId, Vec<Dispute>>::new();
    for row in rows {
        let order_id = row.order_id.into();
        disputes
            .entry(order_id)
            .or_default()
            .push(row.into_dispute()?);
    }
    Ok(disputes)
}

/// The newest undecided dispute of an order, if any.
pub(crate) async fn find_open(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<Dispute>, DbError> {
    let mut found = find_by_orders(connection, tenant, &[order_id]).await?;
    let disputes = found.remove(&order_id).unwrap_or_default();
    let is_open = |dispute: &Dispute| dispute.state.is_open();
    Ok(disputes.into_iter().find(is_open))
}

/// A stored dispute.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    evidence_due_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    opened_at: DateTime<Utc>,
}

impl Row {
    fn into_dispute(self) -> Result<Dispute, DbError> {
        Ok(Dispute {
            reference: Reference::parse(&self.reference).map_err(unreadable)?,
            state: DisputeState::stored(&self.state),
            amount: Money {
                amount_minor: self.amount_minor,
                currency: Currency::parse_stored(&self.currency).map_err(unreadable)?,
            },
            reason: self.reason,
            evidence_due_at: self.evidence_due_at,
            opened_at: self.opened_at,
        })
    }
}
