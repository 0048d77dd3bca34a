//! The orders that the sweeper has given up on. An order has at most one open dead letter.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Cursor, Money, OrderId, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::domain::clock::Now;
use crate::domain::dead_letter::{DeadLetter, DeadLetterFilter, Resolution, Resolved};
use crate::domain::id::DeadLetterId;
use crate::domain::settlement::{GatewaySaid, Settlement};
use crate::domain::status::OrderStatus;
use crate::store::{records, unreadable};

/// Inserts the dead letter of an order that is still on the work list. If the order counts as unpaid there, the dead
/// letter counts as unpaid too.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: DeadLetterId,
    order_id: OrderId,
    reason: &str,
    tries: u32,
) -> Result<(), DbError> {
    let inserted = cached_sql(
        "INSERT INTO orders.dead_letters (tenant_id, id, order_id, reason, tries, created_at, customer_id, units)
         SELECT o.tenant_id, $2, o.id, $4, $5, greatest($6, now()), r.customer_id, r.units
         FROM orders.orders o LEFT JOIN orders.reconciliations r ON r.tenant_id = o.tenant_id AND r.order_id = o.id
         WHERE o.tenant_id = $1 AND o.id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(reason)
    .bind::<Integer, _>(i32::try_from(tries).unwrap_or(i32::MAX))
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    let opened = [(id.as_uuid(), order_id.as_uuid())];
    let opened = &opened[..inserted.min(1)];
    let facts = json!({ "tries": tries });
    records::of_dead_letters(
        connection,
        tenant,
        now,
        "dead_letter.opened",
        opened,
        &facts,
    )
    .await
}

/// Resolves an open dead letter with an operator's verdict. Returns `false` if it was already closed.
pub(crate) async fn resolve(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: DeadLetterId,
    resolution: Resolution,
    by: &str,
    note: Option<&str>,
) -> Result<bool, DbError> {
    let resolved: Vec<Closed> = cached_sql(
        "UPDATE orders.dead_letters
         SET resolution = $3, resolved_by = $4, note = $5, resolved_at = greatest($6, now()),
             customer_id = NULL, units = NULL
         WHERE tenant_id = $1 AND id = $2 AND resolved_at IS NULL
         RETURNING id, order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(resolution.as_str())
    .bind::<Text, _>(by)
    .bind::<Nullable<Text>, _>(note)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let is_resolved = !resolved.is_empty();
    publish_closed(connection, tenant, now, resolved, resolution.as_str()).await?;
    Ok(is_resolved)
}

/// Closes the open dead letter, if any, of an order that was settled by other means.
pub(crate) async fn close_of_order(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    by: &str,
) -> Result<(), DbError> {
    let closed: Vec<Closed> = cached_sql(
        "UPDATE orders.dead_letters
         SET resolution = 'ended', resolved_by = $3, resolved_at = greatest($4, now()),
             customer_id = NULL, units = NULL
         WHERE tenant_id = $1 AND order_id = $2 AND resolved_at IS NULL
         RETURNING id, order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(by)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    publish_closed(connection, tenant, now, closed, "ended").await
}

/// A dead letter that was closed.
#[derive(QueryableByName)]
struct Closed {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}

async fn publish_closed(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    closed: Vec<Closed>,
    resolution: &str,
) -> Result<(), DbError> {
    let closed: Vec<(Uuid, Uuid)> = closed.into_iter().map(|it| (it.id, it.order_id)).collect();
    let facts = json!({ "resolution": resolution });
    records::of_dead_letters(
        connection,
        tenant,
        now,
        "dead_letter.resolved",
        &closed,
        &facts,
    )
    .await
}

/// The text of a query. A macro, because the text of a cached statement must be a constant.
macro_rules! select_dead_letter {
    ($($condition:literal),+) => {
        concat!(
            "SELECT d.id, d.order_id, o.status AS order_status, d.reason, d.tries, d.created_at,
                    d.resolved_at, d.resolution, d.resolved_by, d.note,
                    s.gateway_said, s.detail, s.left_minor, s.currency
             FROM orders.dead_letters d
             JOIN orders.orders o ON o.tenant_id = d.tenant_id AND o.id = d.order_id
             LEFT JOIN orders.settlements s ON s.tenant_id = d.tenant_id AND s.dead_letter_id = d.id
             WHERE d.tenant_id = $1 AND ",
            $($condition),+
        )
    };
}

/// A page after an optional cursor, newest first.
macro_rules! select_page {
    ($condition:literal) => {
        select_dead_letter!(
            $condition,
            " AND (d.created_at, d.id)
                  < (coalesce($2, 'infinity'), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
              ORDER BY d.created_at DESC, d.id DESC LIMIT $4"
        )
    };
}

/// A dead letter by its ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: DeadLetterId,
) -> Result<Option<DeadLetter>, DbError> {
    let rows: Vec<Row> = cached_sql(select_dead_letter!("d.id = $2"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter()
        .next()
        .map(Row::into_dead_letter)
        .transpose()
}

/// The newest dead letter of an order.
pub(crate) async fn find_newest_of_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<DeadLetter>, DbError> {
    let rows: Vec<Row> = cached_sql(select_dead_letter!(
        "d.order_id = $2 ORDER BY d.created_at DESC, d.id DESC LIMIT 1"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter()
        .next()
        .map(Row::into_dead_letter)
        .transpose()
}

/// Up to `limit` dead letters after an optional cursor, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    filter: DeadLetterFilter,
    after: Option<Cursor<(DateTime<Utc>, DeadLetterId)>>,
    limit: usize,
) -> Result<Vec<DeadLetter>, DbError> {
    let text = match filter {
        DeadLetterFilter::Open => select_page!("d.resolved_at IS NULL"),
        DeadLetterFilter::Resolved => select_page!("d.resolved_at IS NOT NULL"),
        DeadLetterFilter::All => select_page!("true"),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(after.map(|Cursor((at, _))| at))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor((_, id))| id.as_uuid()))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)
        .await?;
    rows.into_iter().map(Row::into_dead_letter).collect()
}

/// The number of open dead letters of all tenants. Reads across tenants, but only an index of open ones.
pub(crate) async fn count_open(connection: &mut Connection) -> Result<u64, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        open: i64,
    }

    let statement = cached_sql(
        "-- across tenants: a gauge
         SELECT count(*) AS open FROM orders.dead_letters WHERE resolved_at IS NULL",
    );
    let counted: Counted = statement.get_result(connection).await?;
    Ok(counted.open.unsigned_abs())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    order_status: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Integer)]
    tries: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    resolved_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    resolution: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    resolved_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    gateway_said: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    left_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
}

impl Row {
    fn settlement(&mut self) -> Result<Option<Settlement>, DbError> {
        let Some((said, detail)) = self.gateway_said.take().zip(self.detail.take()) else {
            return Ok(None);
        };
        let currency = self.currency.as_deref().map(Currency::parse_stored);
        let currency = currency.transpose().map_err(unreadable)?;
        let left = self.left_minor.zip(currency);
        let left = left.map(|(amount_minor, currency)| Money {
            amount_minor,
            currency,
        });
        Ok(Some(Settlement {
            gateway_said: GatewaySaid::stored(&said),
            detail,
            left,
        }))
    }

    fn into_dead_letter(mut self) -> Result<DeadLetter, DbError> {
        let settlement = self.settlement()?;
        let resolved = match (self.resolved_at, self.resolution, self.resolved_by) {
            (Some(at), Some(resolution), Some(by)) => Some(Resolved {
                resolution: Resolution::stored(&resolution),
                by,
                note: self.note,
                at,
                settlement,
            }),
            _ => None,
        };
        Ok(DeadLetter {
            id: self.id.into(),
            order_id: self.order_id.into(),
            order_status: OrderStatus::stored(&self.order_status),
            reason: self.reason,
            tries: self.tries.unsigned_abs(),
            created_at: self.created_at,
            resolved,
        })
    }
}
