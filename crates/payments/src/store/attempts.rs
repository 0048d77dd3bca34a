//! `payments.attempts`. Every change of a state is a compare-and-set on the state it starts from.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Money, OrderId, TenantId};
use uuid::Uuid;

use super::gateway_calls::{Columns, bind_calls, insert_calls_sql};
use super::unreadable;
use crate::{
    Attempt, AttemptId, AttemptState, Closing, DeclineCode, NewAttempt, Reference, UnsavedCalls,
};

/// Inserts attempts, all in one statement.
pub(crate) async fn insert_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempts: &[NewAttempt],
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = attempts.iter().map(|it| it.id.as_uuid()).collect();
    let order_ids: Vec<Uuid> = attempts.iter().map(|it| it.order_id.as_uuid()).collect();
    let numbers: Vec<i32> = attempts.iter().map(|it| it.number).collect();
    let amounts: Vec<i64> = attempts.iter().map(|it| it.amount.amount_minor).collect();
    let currencies: Vec<&str> = attempts
        .iter()
        .map(|it| it.amount.currency.as_str())
        .collect();
    let gateways: Vec<&str> = attempts.iter().map(|it| it.gateway.as_str()).collect();
    cached_sql(
        "INSERT INTO payments.attempts
             (tenant_id, id, order_id, number, state, amount_minor, currency, gateway)
         SELECT $1, new.id, new.order_id, new.number, 'created', new.amount_minor, new.currency, new.gateway
         FROM unnest($2, $3, $4, $5, $6, $7)
             AS new (id, order_id, number, amount_minor, currency, gateway)",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(order_ids)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<BigInt>, _>(amounts)
    .bind::<Array<Text>, _>(currencies)
    .bind::<Array<Text>, _>(gateways)
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes an attempt and adds the calls that led to it to the history, in one statement: `$1` is the tenant, `$2` to
/// `$12` are the calls, the attempt and what else `$change` names come after them. The calls are kept whether or not the
/// attempt is found as it should be.
macro_rules! change_attempt {
    ($change:literal) => {
        concat!(
            "WITH calls AS (",
            insert_calls_sql!(),
            ") UPDATE payments.attempts SET updated_at = now(), ",
            $change
        )
    };
}

/// `Created` becomes `Sent`, with its reference. False when the attempt is in any other state.
pub(crate) async fn store_reference(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    reference: &Reference,
    calls: &UnsavedCalls,
) -> Result<bool, DbError> {
    let statement = cached_sql(change_attempt!(
        "state = 'sent', reference = $14 WHERE tenant_id = $1 AND id = $13 AND state = 'created'"
    ));
    let changed = bind_calls!(statement, tenant_id, Columns::of(calls))
        .bind::<SqlUuid, _>(attempt_id.as_uuid())
        .bind::<Text, _>(reference.as_str())
        .execute(connection)
        .await?;
    Ok(changed == 1)
}

/// Ends an attempt. False when it is in none of the states that this closing starts from.
pub(crate) async fn close_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    closing: &Closing,
    calls: &UnsavedCalls,
) -> Result<bool, DbError> {
    let statement = cached_sql(change_attempt!(
        "state = $15, captured_minor = $16, decline_code = $17
         WHERE tenant_id = $1 AND id = $13 AND state = ANY ($14)"
    ));
    let changed = bind_calls!(statement, tenant_id, Columns::of(calls))
        .bind::<SqlUuid, _>(attempt_id.as_uuid())
        .bind::<Array<Text>, _>(names(closing.from()))
        .bind::<Text, _>(closing.to().as_str())
        .bind::<Nullable<BigInt>, _>(closing.captured().map(|money| money.amount_minor))
        .bind::<Nullable<Text>, _>(closing.decline_code().map(DeclineCode::as_str))
        .execute(connection)
        .await?;
    Ok(changed == 1)
}

/// Moves an open attempt on. False when it is in none of the states that it may come from.
pub(crate) async fn move_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    from: &[AttemptState],
    to: AttemptState,
    calls: &UnsavedCalls,
) -> Result<bool, DbError> {
    let statement = cached_sql(change_attempt!(
        "state = $15 WHERE tenant_id = $1 AND id = $13 AND state = ANY ($14)"
    ));
    let changed = bind_calls!(statement, tenant_id, Columns::of(calls))
        .bind::<SqlUuid, _>(attempt_id.as_uuid())
        .bind::<Array<Text>, _>(names(from))
        .bind::<Text, _>(to.as_str())
        .execute(connection)
        .await?;
    Ok(changed == 1)
}

fn names(states: &[AttemptState]) -> Vec<&'static str> {
    states.iter().map(|state| state.as_str()).collect()
}

/// The text of a look-up: a macro, because the text of a cached statement is a constant.
macro_rules! select_attempts {
    ($condition:literal) => {
        concat!(
            "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, captured_minor, decline_code
             FROM payments.attempts WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// One attempt.
pub(crate) async fn find_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!("id = $2"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(attempt_id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// The newest attempt of an order.
pub(crate) async fn find_latest_by_order(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!(
        "order_id = $2 ORDER BY number DESC LIMIT 1"
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// The attempt that has a gateway's reference.
pub(crate) async fn find_by_reference(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    reference: &Reference,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!("gateway = $2 AND reference = $3"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<Text, _>(gateway)
        .bind::<Text, _>(reference.as_str())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// The newest attempt of an order, locked until the transaction ends.
pub(crate) async fn lock_latest_by_order(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!(
        "order_id = $2 ORDER BY number DESC LIMIT 1 FOR NO KEY UPDATE"
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// All attempts of an order, the first one first.
pub(crate) async fn find_all_by_order(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Vec<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!("order_id = $2 ORDER BY number"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(order_id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().map(Attempt::try_from).collect()
}

/// The attempts that have one of these references of a gateway.
pub(crate) async fn find_by_references(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    references: &[Reference],
) -> Result<Vec<Attempt>, DbError> {
    let references: Vec<&str> = references.iter().map(Reference::as_str).collect();
    let rows: Vec<Row> = cached_sql(select_attempts!("gateway = $2 AND reference = ANY ($3)"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<Text, _>(gateway)
        .bind::<Array<Text>, _>(references)
        .load(connection)
        .await?;
    rows.into_iter().map(Attempt::try_from).collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    gateway: String,
    #[diesel(sql_type = Nullable<Text>)]
    reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    decline_code: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    captured_minor: Option<i64>,
}

impl TryFrom<Row> for Attempt {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let currency = Currency::parse(&row.currency).map_err(unreadable)?;
        let money = |amount_minor| Money {
            amount_minor,
            currency,
        };
        Ok(Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            number: row.number,
            amount: money(row.amount_minor),
            gateway: row.gateway,
            state: row.state.parse().map_err(unreadable)?,
            reference: row
                .reference
                .map(|text| Reference::parse(&text))
                .transpose()
                .map_err(unreadable)?,
            captured: row.captured_minor.map(money),
            decline_code: row.decline_code.as_deref().map(DeclineCode::new),
        })
    }
}
