//! `payments.attempts`. Every change of a state is a compare-and-set on the state it starts from.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Money, OrderId, TenantId};
use uuid::Uuid;

use crate::{Attempt, AttemptId, Closing, DeclineCode, NewAttempt, Reference};

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

/// `Created` becomes `Prepared`, with its reference. False when the attempt is in any other state.
pub(crate) async fn store_reference(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    reference: &Reference,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE payments.attempts SET state = 'prepared', reference = $3, updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND state = 'created'",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(attempt_id.as_uuid())
    .bind::<Text, _>(reference.as_str())
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Ends an attempt. False when it is not in the state that this closing starts from.
pub(crate) async fn close_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    closing: &Closing,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE payments.attempts SET state = $4, decline_code = $5, updated_at = now()
         WHERE tenant_id = $1 AND id = $2 AND state = $3",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<SqlUuid, _>(attempt_id.as_uuid())
    .bind::<Text, _>(closing.from().as_str())
    .bind::<Text, _>(closing.to().as_str())
    .bind::<Nullable<Text>, _>(closing.decline_code().map(DeclineCode::as_str))
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// One attempt.
pub(crate) async fn find_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_id: AttemptId,
) -> Result<Option<Attempt>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, decline_code
         FROM payments.attempts WHERE tenant_id = $1 AND id = $2",
    )
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
    let rows: Vec<Row> = cached_sql(
        "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, decline_code
         FROM payments.attempts WHERE tenant_id = $1 AND order_id = $2
         ORDER BY number DESC LIMIT 1",
    )
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
    let rows: Vec<Row> = cached_sql(
        "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, decline_code
         FROM payments.attempts WHERE tenant_id = $1 AND gateway = $2 AND reference = $3",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(reference.as_str())
    .load(connection)
    .await?;
    rows.into_iter().next().map(Attempt::try_from).transpose()
}

/// The attempts that have one of these references of a gateway.
pub(crate) async fn find_by_references(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    references: &[Reference],
) -> Result<Vec<Attempt>, DbError> {
    let references: Vec<&str> = references.iter().map(Reference::as_str).collect();
    let rows: Vec<Row> = cached_sql(
        "SELECT id, order_id, number, state, amount_minor, currency, gateway, reference, decline_code
         FROM payments.attempts WHERE tenant_id = $1 AND gateway = $2 AND reference = ANY ($3)",
    )
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
}

impl TryFrom<Row> for Attempt {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            number: row.number,
            amount: Money {
                amount_minor: row.amount_minor,
                currency: Currency::parse(&row.currency).map_err(unreadable)?,
            },
            gateway: row.gateway,
            state: row.state.parse().map_err(unreadable)?,
            reference: row
                .reference
                .map(|text| Reference::parse(&text))
                .transpose()
                .map_err(unreadable)?,
            decline_code: row.decline_code.as_deref().map(DeclineCode::new),
        })
    }
}

/// A row that this program did not write.
pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    DbError::Other(diesel::result::Error::DeserializationError(Box::new(error)))
}
