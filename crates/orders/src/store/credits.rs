//! `orders.credits`: what customers need not pay or get back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_fulfilment::ReturnId;
use oms_payments::RefundId;
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::credit::{Credit, CreditPart};
use crate::domain::id::CreditId;

/// What credits are granted for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GrantedFor {
    /// A request, which this refund pays out. `None` if a later refund pays them out.
    Request(Option<RefundId>),
    /// A return. They wait for their refund.
    Return(ReturnId),
}

/// Inserts credits, granted at this time by the database's clock. The caller must hold the lock of their order, and have
/// read the time under it: a refund pays out credits that are older.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    (order_id, granted_at): (OrderId, DateTime<Utc>),
    granted_for: GrantedFor,
    credits: &[(CreditPart, i64)],
    actor: &str,
) -> Result<(), DbError> {
    if credits.is_empty() {
        return Ok(());
    }
    let (source, return_id, refund_id) = match granted_for {
        GrantedFor::Request(refund_id) => ("goodwill", None, refund_id),
        GrantedFor::Return(id) => ("return", Some(id), None),
    };
    let ids = credits.iter().map(|_| CreditId::generate().as_uuid());
    let ids: Vec<Uuid> = ids.collect();
    let parts: Vec<&str> = credits.iter().map(|(part, _)| part.as_str()).collect();
    let (lines, quantities): (Vec<Option<i32>>, Vec<Option<i32>>) =
        credits.iter().map(|(part, _)| part.line()).unzip();
    let amounts: Vec<i64> = credits.iter().map(|(_, amount)| *amount).collect();
    cached_sql(
        "INSERT INTO orders.credits
             (tenant_id, order_id, id, source, source_id, part, line_number, quantity, amount_minor, refund_id,
              created_at, actor)
         SELECT t.tenant_id, $2, new.id, $3, $4, new.part, new.line_number, new.quantity, new.amount_minor, $5, $6, $7
         FROM tenancy.tenants t
         CROSS JOIN unnest($8::uuid[], $9::text[], $10::integer[], $11::integer[], $12::bigint[])
             AS new (id, part, line_number, quantity, amount_minor)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(source)
    .bind::<Nullable<SqlUuid>, _>(return_id.map(|id| id.as_uuid()))
    .bind::<Nullable<SqlUuid>, _>(refund_id.map(RefundId::as_uuid))
    .bind::<Timestamptz, _>(granted_at)
    .bind::<Text, _>(actor)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(parts)
    .bind::<Array<Nullable<Integer>>, _>(lines)
    .bind::<Array<Nullable<Integer>>, _>(quantities)
    .bind::<Array<BigInt>, _>(amounts)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns a statement that finds the credits of orders, oldest first for each.
pub(crate) fn find<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, HashMap<OrderId, Vec<Credit>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        part: String,
        #[diesel(sql_type = Nullable<Integer>)]
        line_number: Option<i32>,
        #[diesel(sql_type = Nullable<Integer>)]
        quantity: Option<i32>,
        #[diesel(sql_type = BigInt)]
        amount_minor: i64,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        refund_id: Option<Uuid>,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
        #[diesel(sql_type = Text)]
        source: String,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        source_id: Option<Uuid>,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT order_id, id, part, line_number, quantity, amount_minor, refund_id, created_at, source, source_id
         FROM orders.credits WHERE tenant_id = $1 AND order_id = ANY ($2) ORDER BY order_id, id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Row>()
    .map(|rows| {
        let mut credits = HashMap::<OrderId, Vec<Credit>>::new();
        for row in rows {
            let credit = Credit {
                id: row.id.into(),
                part: CreditPart::stored(&row.part, row.line_number, row.quantity),
                amount_minor: row.amount_minor,
                refund_id: row.refund_id.map(RefundId::from),
                created_at: row.created_at,
                return_id: row
                    .source_id
                    .filter(|_| row.source == "return")
                    .map(ReturnId::from),
            };
            credits.entry(row.order_id.into()).or_default().push(credit);
        }
        credits
    })
}
