//! `payments.refunds`. Refunds are inserted and ended under the lock of their attempt, so that concurrent refunds can't
//! both count on the same remainder of the captured amount.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{Currency, IdempotencyKey, Money, OrderId, TenantId};
use uuid::Uuid;

use super::gateway_calls::insert_calls;
use super::unreadable;
use crate::{
    Asked, Attempt, AttemptId, ListedRefund, ListedState, NewRefund, Reference, Refund,
    RefundActor, RefundEnd, RefundFailure, RefundId, RefundState, UnsavedCalls,
};

/// The columns of a [`Row`]. It is a macro because the text of a cached statement is a constant.
macro_rules! columns {
    ($requested_by:literal) => {
        concat!(
            "id, order_id, attempt_id, number, amount_minor, left_minor, currency, state, actor, idempotency_key, reason,
             reference, failure_code, created_at, updated_at, ",
            $requested_by,
            " AS requested_by"
        )
    };
}

macro_rules! select_refunds {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(
                "(SELECT requested_by FROM payments.refund_requests AS request
                  WHERE request.tenant_id = $1 AND request.refund_id = refunds.id)"
            ),
            " FROM payments.refunds WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// The totals of an attempt's refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Refunded or pending, in minor units.
    pub(crate) refunded_minor: i64,
    /// Number of the order's newest refund; 0 if there is none.
    pub(crate) last_number: i32,
}

/// Counts the refunds of an order. Lock its attempt first, in a statement of its own: a statement that locks and counts
/// would count what existed before it waited for the lock.
pub(crate) async fn count(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
    attempt_id: AttemptId,
) -> Result<Tally, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        refunded_minor: i64,
        #[diesel(sql_type = Integer)]
        last_number: i32,
    }

    let counted: Counted = cached_sql(
        "SELECT coalesce(sum(amount_minor) FILTER (WHERE attempt_id = $3 AND state <> 'failed'), 0)::bigint
                    AS refunded_minor,
                coalesce(max(number), 0) AS last_number
         FROM payments.refunds WHERE tenant_id = $1 AND order_id = $2",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(attempt_id.as_uuid())
    .get_result(connection)
    .await?;
    Ok(Tally {
        refunded_minor: counted.refunded_minor,
        last_number: counted.last_number,
    })
}

/// Inserts a refund with its requester, and returns it. Its time is that of the insertion, not of the transaction, which
/// may have waited for the order: so refunds of an order are as old as their numbers say. `None` when another refund has its idempotency key. Waits for a
/// concurrent transaction that is claiming the key.
pub(crate) async fn insert_refund(
    connection: &mut Connection,
    tenant_id: TenantId,
    new: &NewRefund,
    attempt_id: AttemptId,
    number: i32,
    amount: Money,
    left: Money,
) -> Result<Option<Refund>, DbError> {
    let key = new.idempotency_key.as_ref().map(IdempotencyKey::as_str);
    let rows: Vec<Row> = cached_sql(concat!(
        "INSERT INTO payments.refunds
             (tenant_id, id, order_id, attempt_id, number, amount_minor, left_minor, currency, state, idempotency_key,
              reason, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10, clock_timestamp(), clock_timestamp())
         ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
         RETURNING ",
        columns!("$11::text")
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(new.id.as_uuid())
    .bind::<SqlUuid, _>(new.order_id.as_uuid())
    .bind::<SqlUuid, _>(attempt_id.as_uuid())
    .bind::<Integer, _>(number)
    .bind::<BigInt, _>(amount.amount_minor)
    .bind::<BigInt, _>(left.amount_minor)
    .bind::<Text, _>(amount.currency.as_str())
    .bind::<Nullable<Text>, _>(key)
    .bind::<Nullable<Text>, _>(new.reason.as_deref())
    .bind::<Text, _>(new.requested_by.as_str())
    .load(connection)
    .await?;
    let inserted = rows.into_iter().next().map(Refund::try_from).transpose()?;
    if let Some(refund) = &inserted {
        cached_sql(
            "INSERT INTO payments.refund_requests (tenant_id, refund_id, requested_by) VALUES ($1, $2, $3)",
        )
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(refund.id.as_uuid())
        .bind::<Text, _>(new.requested_by.as_str())
        .execute(connection)
        .await?;
    }
    Ok(inserted)
}

/// Stores the gateway's name for a refund, unless it has one, and the calls that returned it.
pub(crate) async fn store_reference(
    connection: &mut Connection,
    tenant_id: TenantId,
    refund_id: RefundId,
    reference: &Reference,
    calls: &UnsavedCalls,
) -> Result<(), DbError> {
    if !calls.is_empty() {
        insert_calls(connection, tenant_id, calls).await?;
    }
    let statement = cached_sql(
        "UPDATE payments.refunds SET reference = $3, updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND reference IS NULL",
    );
    statement
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(refund_id.as_uuid())
        .bind::<Text, _>(reference.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a pending refund, and moves its attempt out of `Refunding`. False when another worker has ended it.
pub(crate) async fn end_refund(
    connection: &mut Connection,
    tenant_id: TenantId,
    refund_id: RefundId,
    end: &RefundEnd,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE payments.refunds SET state = $3, failure_code = $4, updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND state = 'pending'",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(refund_id.as_uuid())
    .bind::<Text, _>(end.state().as_str())
    .bind::<Nullable<Text>, _>(end.failure().map(RefundFailure::as_str))
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Moves a refund to the state that the gateway reports, and stores the gateway's name for it.
pub(crate) async fn move_refund(
    connection: &mut Connection,
    tenant_id: TenantId,
    refund: &Refund,
    to: RefundState,
    failure: Option<&RefundFailure>,
    reference: &Reference,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE payments.refunds
         SET state = $4, failure_code = $5, reference = coalesce(reference, $6), updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND state = $3",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(refund.id.as_uuid())
    .bind::<Text, _>(refund.state.as_str())
    .bind::<Text, _>(to.as_str())
    .bind::<Nullable<Text>, _>(failure.map(RefundFailure::as_str))
    .bind::<Text, _>(reference.as_str())
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Books a refund that was made elsewhere. `None` when it is booked already.
pub(crate) async fn insert_listed(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt: &Attempt,
    listed: &ListedRefund,
    number: i32,
    left_minor: i64,
) -> Result<Option<Refund>, DbError> {
    let (state, failure) = match &listed.state {
        ListedState::Pending => (RefundState::Pending, None),
        ListedState::Refunded => (RefundState::Refunded, None),
        ListedState::Failed(code) => (RefundState::Failed, Some(code.as_str())),
    };
    let rows: Vec<Row> = cached_sql(concat!(
        "INSERT INTO payments.refunds
             (tenant_id, id, order_id, attempt_id, number, amount_minor, left_minor, currency, state, actor, reference,
              failure_code, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, clock_timestamp(), clock_timestamp())
         ON CONFLICT (tenant_id, attempt_id, reference) WHERE reference IS NOT NULL DO NOTHING
         RETURNING ",
        columns!("NULL::text")
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(RefundId::generate().as_uuid())
    .bind::<SqlUuid, _>(attempt.order_id.as_uuid())
    .bind::<SqlUuid, _>(attempt.id.as_uuid())
    .bind::<Integer, _>(number)
    .bind::<BigInt, _>(listed.amount.amount_minor)
    .bind::<BigInt, _>(left_minor)
    .bind::<Text, _>(listed.amount.currency.as_str())
    .bind::<Text, _>(state.as_str())
    .bind::<Text, _>(listed.actor.as_str())
    .bind::<Text, _>(listed.reference.as_str())
    .bind::<Nullable<Text>, _>(failure)
    .load(connection)
    .await?;
    rows.into_iter().next().map(Refund::try_from).transpose()
}

/// Returns the total that is refunded or pending of each attempt, in minor units. Attempts without refunds are absent.
pub(crate) async fn sum_by_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_ids: &[AttemptId],
) -> Result<HashMap<AttemptId, i64>, DbError> {
    #[derive(QueryableByName)]
    struct Summed {
        #[diesel(sql_type = SqlUuid)]
        attempt_id: Uuid,
        #[diesel(sql_type = BigInt)]
        refunded_minor: i64,
    }

    let ids: Vec<Uuid> = attempt_ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Summed> = cached_sql(
        "SELECT attempt_id, sum(amount_minor)::bigint AS refunded_minor
         FROM payments.refunds WHERE tenant_id = $1 AND attempt_id = ANY ($2) AND state <> 'failed'
         GROUP BY attempt_id",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let pair = |row: Summed| (row.attempt_id.into(), row.refunded_minor);
    Ok(rows.into_iter().map(pair).collect())
}

/// Returns the refund with this idempotency key.
pub(crate) async fn find_by_key(
    connection: &mut Connection,
    tenant_id: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Refund>, DbError> {
    let rows: Vec<Row> = cached_sql(select_refunds!("idempotency_key = $2"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<Text, _>(key.as_str())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Refund::try_from).transpose()
}

/// Returns the refunds of each order, oldest first.
pub(crate) async fn find_by_orders(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Refund>>, DbError> {
    let rows = rows_of_orders(tenant_id, order_ids).run(connection).await?;
    by_order(rows)
}

/// The rows of the refunds of orders, oldest first.
pub(crate) fn rows_of_orders<'q>(
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(select_refunds!("order_id = ANY ($2) ORDER BY number"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// Groups rows by their orders.
pub(crate) fn by_order(rows: Vec<Row>) -> Result<HashMap<OrderId, Vec<Refund>>, DbError> {
    let mut refunds = HashMap::<OrderId, Vec<Refund>>::new();
    for row in rows {
        let refund = Refund::try_from(row)?;
        refunds.entry(refund.order_id).or_default().push(refund);
    }
    Ok(refunds)
}

/// A stored refund.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    attempt_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
    #[diesel(sql_type = BigInt)]
    left_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Nullable<Text>)]
    requested_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    idempotency_key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    failure_code: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Refund {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let currency = Currency::parse_stored(&row.currency).map_err(unreadable)?;
        let money = |amount_minor| Money {
            amount_minor,
            currency,
        };
        let key = row.idempotency_key.as_deref().map(IdempotencyKey::parse);
        let reference = row.reference.as_deref().map(Reference::parse);
        Ok(Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            attempt_id: row.attempt_id.into(),
            number: row.number,
            amount: money(row.amount_minor),
            left: money(row.left_minor),
            state: RefundState::stored(&row.state),
            actor: RefundActor::stored(&row.actor),
            requested_by: row.requested_by,
            idempotency_key: key.transpose().map_err(unreadable)?,
            reason: row.reason,
            reference: reference.transpose().map_err(unreadable)?,
            failure_code: row.failure_code.as_deref().map(RefundFailure::new),
            created_at: row.created_at,
            updated_at: row.updated_at,
            asked: Asked::Perhaps,
        })
    }
}
