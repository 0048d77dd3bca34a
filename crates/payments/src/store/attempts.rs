//! `payments.attempts`. Every change of state is a compare-and-set on the state before it.

mod closing;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Engine, LockWait, Statement, Transaction, cached_sql,
    in_transaction_sql,
};
use oms_validation::{Currency, Money, OrderId, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use closing::close_attempts;

use super::gateway_calls::{self, Columns, bind_calls, insert_calls, insert_calls_sql};
use super::unreadable;
use crate::{
    Attempt, AttemptId, AttemptState, CustomerAction, DeclineCode, NewAttempt, Reference,
    UnsavedCalls,
};

/// Inserts attempts in one statement.
pub(crate) fn insert_attempts<'q>(
    tenant_id: TenantId,
    attempts: &'q [NewAttempt],
) -> Statement<'q, usize> {
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
         SELECT t.tenant_id, new.id, new.order_id, new.number, 'created', new.amount_minor, new.currency, new.gateway
         FROM tenancy.tenants t
         CROSS JOIN unnest($2, $3, $4, $5, $6, $7)
             AS new (id, order_id, number, amount_minor, currency, gateway)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(order_ids)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<BigInt>, _>(amounts)
    .bind::<Array<Text>, _>(currencies)
    .bind::<Array<Text>, _>(gateways)
    .affected()
}

/// A payment that was prepared at the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) attempt_id: AttemptId,
    pub(crate) reference: &'a Reference,
    pub(crate) calls: &'a UnsavedCalls,
}

/// Moves attempts from `Created` to `Sent`, with their references. Returns the attempts that it moved; those in any
/// other state are left as they are.
pub(crate) async fn store_references(
    connection: &mut Connection,
    tenant_id: TenantId,
    sent: &[Sent<'_>],
    wait: LockWait,
) -> Result<HashSet<AttemptId>, DbError> {
    let ids: Vec<Uuid> = sent.iter().map(|it| it.attempt_id.as_uuid()).collect();
    let references: Vec<&str> = sent.iter().map(|it| it.reference.as_str()).collect();
    let calls = Columns::of(sent.iter().map(|it| it.calls));
    let changed = match Engine::of(connection).await? {
        Engine::Plain => {
            bind_calls!(cached_sql(STORE_REFERENCES_AND_CALLS), tenant_id, calls)
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<Array<Text>, _>(references)
                .bind::<Nullable<Text>, _>(wait.setting())
                .rows::<Changed>()
                .run(connection)
                .await?
        }
        Engine::Distributed => {
            let store = cached_sql(STORE_REFERENCES)
                .bind::<SqlUuid, _>(tenant_id.as_uuid())
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<Array<Text>, _>(references)
                .rows::<Changed>();
            let insert = gateway_calls::inserting(tenant_id, calls);
            let transaction = Transaction::new(connection, wait);
            transaction.commit_with((insert, store)).await?.1
        }
    };
    Ok(changed.into_iter().map(|row| row.id.into()).collect())
}

const STORE_REFERENCES_AND_CALLS: &str = concat!(
    "-- plain PostgreSQL: saves a transaction
     WITH calls AS (",
    insert_calls_sql!(),
    ") UPDATE payments.attempts a SET updated_at = now(), state = 'sent', reference = sent.reference
     FROM (SELECT set_config('lock_timeout', coalesce($16, current_setting('lock_timeout')), true)) AS bound
     CROSS JOIN unnest($14::uuid[], $15::text[]) AS sent (id, reference)
     WHERE a.tenant_id = $1 AND a.id = sent.id AND a.state = 'created'
     RETURNING a.id"
);

const STORE_REFERENCES: &str = concat!(
    "UPDATE payments.attempts a SET updated_at = now(), state = 'sent', reference = sent.reference
     FROM unnest($2::uuid[], $3::text[]) AS sent (id, reference)
     WHERE a.tenant_id = $1 AND a.id = sent.id AND a.state = 'created' AND ",
    in_transaction_sql!(),
    " RETURNING a.id"
);

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Moves an open attempt to another state, and deletes its customer action. Returns `false` if the attempt is in
/// none of the states in `from`.
pub(crate) async fn move_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    from: &[AttemptState],
    to: AttemptState,
    calls: &UnsavedCalls,
) -> Result<bool, DbError> {
    let moved = Moved {
        attempt_id,
        from,
        to,
        customer_action: None,
    };
    move_on(connection, tenant_id, &moved, calls).await
}

/// A new state of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved<'a> {
    pub(crate) attempt_id: AttemptId,
    pub(crate) from: &'a [AttemptState],
    pub(crate) to: AttemptState,
    /// Only with `NeedsAction`; `None` deletes the previous one.
    pub(crate) customer_action: Option<&'a CustomerAction>,
}

/// Like [`move_attempt`], with the action that the customer must take.
pub(crate) async fn move_on(
    connection: &mut Connection,
    tenant_id: TenantId,
    moved: &Moved<'_>,
    calls: &UnsavedCalls,
) -> Result<bool, DbError> {
    // First, so that they are saved even if the attempt can't be moved. Saving them again changes nothing.
    if !calls.is_empty() {
        insert_calls(connection, tenant_id, calls).await?;
    }
    let changed = cached_sql(
        "UPDATE payments.attempts SET updated_at = now(), state = $4, customer_action = $5
         WHERE tenant_id = $1 AND id = $2 AND state = ANY ($3)",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(moved.attempt_id.as_uuid())
    .bind::<Array<Text>, _>(names(moved.from))
    .bind::<Text, _>(moved.to.as_str())
    .bind::<Nullable<Jsonb>, _>(moved.customer_action.map(stored_action))
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

fn names(states: &[AttemptState]) -> Vec<&'static str> {
    states.iter().map(|state| state.as_str()).collect()
}

/// The text of a SELECT statement. A macro, because the text of a cached statement must be a constant.
macro_rules! select_attempts {
    ($condition:literal) => {
        concat!(
            "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, captured_minor, decline_code,
                 coalesce(created_at < (SELECT inherited_until FROM installation.identity), false) AS is_inherited,
                 customer_action
             FROM payments.attempts WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Returns one attempt.
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

/// Returns the newest attempt of each order that has one.
pub(crate) async fn find_latest_by_orders(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Attempt>, DbError> {
    let rows = rows_of_orders(tenant_id, order_ids).run(connection).await?;
    latest_by_order(rows)
}

/// The rows of the attempts of orders, oldest first.
pub(crate) fn rows_of_orders<'q>(
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(select_attempts!("order_id = ANY ($2) ORDER BY number"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// The latest attempt of each order.
pub(crate) fn latest_by_order(rows: Vec<Row>) -> Result<HashMap<OrderId, Attempt>, DbError> {
    let attempts = rows.into_iter().map(Attempt::try_from);
    // A later attempt replaces the ones before it.
    attempts
        .map(|attempt| attempt.map(|attempt| (attempt.order_id, attempt)))
        .collect()
}

/// Returns the attempt with this gateway reference.
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

/// Returns the newest attempt of an order, and locks it until the transaction ends.
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

/// Returns one attempt, and locks it until the transaction ends.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(select_attempts!("id = $2 FOR NO KEY UPDATE"))
        .bind::<SqlUuid, _>(tenant_id.as_uuid())
        .bind::<SqlUuid, _>(attempt_id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// Returns all attempts of an order, oldest first.
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

/// Returns the attempts with one of these gateway references.
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

/// The creation time of the newest attempt of all tenants; `None` without attempts. Takes one step in the primary key
/// for each registered tenant, because IDs begin with the time.
pub(crate) async fn find_newest(
    connection: &mut Connection,
) -> Result<Option<DateTime<Utc>>, DbError> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = Nullable<Timestamptz>)]
        created_at: Option<DateTime<Utc>>,
    }

    let newest: Newest = cached_sql(
        "-- across tenants: asked once, at the start
         SELECT max(newest.created_at) AS created_at FROM tenancy.tenants t
         CROSS JOIN LATERAL (
             SELECT a.created_at FROM payments.attempts a
             WHERE a.tenant_id = t.tenant_id ORDER BY a.id DESC LIMIT 1
         ) newest",
    )
    .get_result(connection)
    .await?;
    Ok(newest.created_at)
}

/// A stored attempt.
#[derive(QueryableByName)]
pub(crate) struct Row {
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
    #[diesel(sql_type = Bool)]
    is_inherited: bool,
    #[diesel(sql_type = Nullable<Jsonb>)]
    customer_action: Option<Value>,
}

impl TryFrom<Row> for Attempt {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let currency = Currency::parse_stored(&row.currency).map_err(unreadable)?;
        let money = |amount_minor| Money {
            amount_minor,
            currency,
        };
        let state = AttemptState::stored(&row.state);
        // An older version of the program, running beside this one, moves attempts without deleting the action.
        let action = row
            .customer_action
            .filter(|_| state == AttemptState::NeedsAction);
        Ok(Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            number: row.number,
            amount: money(row.amount_minor),
            gateway: row.gateway,
            state,
            reference: row
                .reference
                .map(|text| Reference::parse(&text))
                .transpose()
                .map_err(unreadable)?,
            captured: row.captured_minor.map(money),
            decline_code: row.decline_code.as_deref().map(DeclineCode::new),
            is_inherited: row.is_inherited,
            customer_action: action.as_ref().and_then(action_of).map(Box::new),
        })
    }
}

fn stored_action(action: &CustomerAction) -> Value {
    json!({
        "kind": action.kind(),
        "clientSecret": action.expose_client_secret(),
        "redirectUrl": action.expose_redirect_url(),
    })
}

/// Reads what [`stored_action`] wrote.
fn action_of(stored: &Value) -> Option<CustomerAction> {
    let text = |name: &str| stored[name].as_str();
    CustomerAction::new(text("clientSecret")?, text("kind")?, text("redirectUrl"))
}
