//! `payments.gateway_calls`. Rows are only ever inserted, mostly beside a change of the attempt that they led to.
//!
//! The time of a call is the database's time at the insert less the call's age, so that it does not depend on the clock
//! of the machine that made the call.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, in_transaction_sql,
};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use super::unreadable;
use crate::{CallEffect, GatewayCall, Operation, Reference, UnsavedCalls};

/// Inserts calls into the history; a condition may follow. `$1` is the tenant, and [`bind_calls`] binds `$2` to `$13`. Existing calls are left
/// as they are, so that saving can be repeated.
macro_rules! insert_calls_sql {
    ($($condition:expr),*) => {
        concat!("INSERT INTO payments.gateway_calls
             (tenant_id, id, order_id, attempt_id, operation, gateway, reference, request_id, outcome, effect,
              duration_ms, called_at, actor)
         SELECT t.tenant_id, call.id, call.order_id, call.attempt_id, call.operation, call.gateway, call.reference,
                call.request_id, call.outcome, call.effect, call.duration_ms,
                least(now(), statement_timestamp() - make_interval(secs => call.age_s)), call.actor
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                     $10::text[], $11::integer[], $12::double precision[], $13::text[])
             AS call (id, order_id, attempt_id, operation, gateway, reference, request_id, outcome, effect,
                      duration_ms, age_s, actor)
         WHERE t.tenant_id = $1", $($condition,)* "
         ON CONFLICT DO NOTHING")
    };
}
pub(super) use insert_calls_sql;

/// Binds a tenant and its calls, as `$1` to `$13`.
macro_rules! bind_calls {
    ($statement:expr, $tenant_id:expr, $columns:expr) => {{
        use diesel::sql_types::{Array, Double, Integer, Nullable, Text, Uuid as SqlUuid};
        let columns = $columns;
        $statement
            .bind::<SqlUuid, _>($tenant_id.as_uuid())
            .bind::<Array<SqlUuid>, _>(columns.ids)
            .bind::<Array<SqlUuid>, _>(columns.order_ids)
            .bind::<Array<SqlUuid>, _>(columns.attempt_ids)
            .bind::<Array<Text>, _>(columns.operations)
            .bind::<Array<Text>, _>(columns.gateways)
            .bind::<Array<Nullable<Text>>, _>(columns.references)
            .bind::<Array<Nullable<Text>>, _>(columns.request_ids)
            .bind::<Array<Text>, _>(columns.outcomes)
            .bind::<Array<Text>, _>(columns.effects)
            .bind::<Array<Integer>, _>(columns.durations_ms)
            .bind::<Array<Double>, _>(columns.ages_s)
            .bind::<Array<Nullable<Text>>, _>(columns.actors)
    }};
}
pub(super) use bind_calls;

/// Calls, as one array per column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) ids: Vec<Uuid>,
    pub(super) order_ids: Vec<Uuid>,
    pub(super) attempt_ids: Vec<Uuid>,
    pub(super) operations: Vec<&'a str>,
    pub(super) gateways: Vec<&'a str>,
    pub(super) references: Vec<Option<&'a str>>,
    pub(super) request_ids: Vec<Option<&'a str>>,
    pub(super) outcomes: Vec<&'a str>,
    pub(super) effects: Vec<&'a str>,
    pub(super) durations_ms: Vec<i32>,
    pub(super) ages_s: Vec<f64>,
    pub(super) actors: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(calls: impl IntoIterator<Item = &'a UnsavedCalls>) -> Self {
        let mut columns = Self::default();
        for call in calls.into_iter().flat_map(UnsavedCalls::iter) {
            columns.ids.push(call.id);
            columns.order_ids.push(call.order_id.as_uuid());
            columns.attempt_ids.push(call.attempt_id.as_uuid());
            columns.operations.push(call.operation.as_str());
            columns.gateways.push(&call.gateway);
            let reference = call.reference.as_ref().map(Reference::as_str);
            columns.references.push(reference);
            columns.request_ids.push(call.request_id.as_deref());
            columns.outcomes.push(&call.outcome);
            columns.effects.push(call.effect.as_str());
            let ms = i32::try_from(call.duration.as_millis());
            columns.durations_ms.push(ms.unwrap_or(i32::MAX));
            columns.ages_s.push(call.began.elapsed().as_secs_f64());
            columns.actors.push(call.actor.as_deref());
        }
        columns
    }
}

/// Inserts calls into the history.
pub(crate) async fn insert_calls(
    connection: &mut Connection,
    tenant_id: TenantId,
    calls: &UnsavedCalls,
) -> Result<(), DbError> {
    let statement = cached_sql(insert_calls_sql!());
    bind_calls!(statement, tenant_id, Columns::of([calls]))
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns a statement that inserts calls into the history, and may be sent together with the BEGIN of its transaction.
pub(super) fn inserting<'q>(tenant_id: TenantId, calls: Columns<'q>) -> Statement<'q, usize> {
    let statement = cached_sql(insert_calls_sql!(" AND ", in_transaction_sql!()));
    bind_calls!(statement, tenant_id, calls).affected()
}

/// Selects the calls about an order, each with its attempt's number and how many calls of the same operation there were
/// up to it. It is a macro because the text of a cached statement is a constant.
macro_rules! select_calls {
    () => {
        "SELECT c.id, c.order_id, c.attempt_id, a.number AS attempt_number, c.actor, c.operation, c.gateway, c.reference,
                c.request_id, c.outcome, c.effect, c.duration_ms, c.called_at,
                row_number() OVER (PARTITION BY c.attempt_id, c.operation ORDER BY c.called_at, c.id) AS repetition
         FROM payments.gateway_calls c
         JOIN payments.attempts a ON a.tenant_id = c.tenant_id AND a.id = c.attempt_id
         WHERE c.tenant_id = $1 AND c.order_id = $2"
    };
}

/// Returns the calls about an order, in the order in which they were made.
pub(crate) async fn find_by_order(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Vec<GatewayCall>, DbError> {
    // An ID is generated when its call ends, so later calls have greater IDs.
    let rows: Vec<Row> = cached_sql(concat!(select_calls!(), " ORDER BY c.id"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(order_id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().map(GatewayCall::try_from).collect()
}

/// Returns up to `limit` calls about an order, by time and ID, starting with a given call, if any.
pub(crate) async fn find_by_order_from(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<GatewayCall>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT * FROM (",
        select_calls!(),
        ") call WHERE $3 IS NULL OR (called_at, id) >= ($3, $4) ORDER BY called_at, id LIMIT $5"
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(from.map(|(at, _)| at))
    .bind::<Nullable<SqlUuid>, _>(from.map(|(_, id)| id))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    rows.into_iter().map(GatewayCall::try_from).collect()
}

/// Returns the latest call about an order that asked a gateway to change something.
pub(crate) async fn find_latest_change(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<GatewayCall>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT * FROM (",
        select_calls!(),
        ") call WHERE operation = ANY ($3) ORDER BY called_at DESC, id DESC LIMIT 1"
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Array<Text>, _>(Operation::CHANGES.map(Operation::as_str).to_vec())
    .load(connection)
    .await?;
    let latest = rows.into_iter().next();
    latest.map(GatewayCall::try_from).transpose()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    attempt_id: Uuid,
    #[diesel(sql_type = Integer)]
    attempt_number: i32,
    #[diesel(sql_type = Nullable<Text>)]
    actor: Option<String>,
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = BigInt)]
    repetition: i64,
    #[diesel(sql_type = Text)]
    gateway: String,
    #[diesel(sql_type = Nullable<Text>)]
    reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Text)]
    effect: String,
    #[diesel(sql_type = Integer)]
    duration_ms: i32,
    #[diesel(sql_type = Timestamptz)]
    called_at: DateTime<Utc>,
}

impl TryFrom<Row> for GatewayCall {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let reference = row.reference.as_deref().map(Reference::parse).transpose();
        Ok(Self {
            id: row.id,
            order_id: row.order_id.into(),
            attempt_id: row.attempt_id.into(),
            attempt_number: row.attempt_number,
            actor: row.actor,
            operation: row.operation,
            repetition: u32::try_from(row.repetition).unwrap_or(u32::MAX),
            gateway: row.gateway,
            reference: reference.map_err(unreadable)?,
            request_id: row.request_id,
            outcome: row.outcome,
            // The column allows only these two.
            effect: match row.effect == CallEffect::Known.as_str() {
                true => CallEffect::Known,
                false => CallEffect::Unknown,
            },
            duration: Duration::from_millis(row.duration_ms.unsigned_abs().into()),
            called_at: row.called_at,
        })
    }
}
