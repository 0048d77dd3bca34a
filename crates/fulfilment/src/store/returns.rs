//! Returns and their lines.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{Cursor, OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::id::ReturnId;
use crate::domain::returns::line::ReturnLine;
use crate::domain::returns::list::{ReturnCursor, ReturnFilter, ReturnsOf};
use crate::domain::returns::words::{RequestedBy, ReturnStatus};
use crate::domain::returns::{Receipt, Return};
use crate::domain::text::Note;
use crate::store::{Now, most_looked_at, named_orders, return_lines, return_receipts, row_limit};

/// Selects [`Row`]s. A macro, because the text of a cached statement must be a constant.
macro_rules! select_returns {
    ($condition:literal) => {
        concat!(
            "SELECT r.id, r.order_id, r.number, r.status, r.version, r.warehouse_id, r.requested_by, r.note,
                    r.override_reason, r.decision_reason, r.terms, r.requested_at, r.updated_at, r.expires_at,
                    r.closed_at
             FROM fulfilment.returns r WHERE r.tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Inserts a return with its lines. Its times are the present.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    new: &Return,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO fulfilment.returns
             (tenant_id, id, order_id, number, status, warehouse_id, requested_by, note, override_reason, terms,
              requested_at, updated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, greatest($11, now()), greatest($11, now()), $12)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(new.id.as_uuid())
    .bind::<SqlUuid, _>(new.order_id.as_uuid())
    .bind::<Integer, _>(new.number)
    .bind::<Text, _>(new.status.as_str())
    .bind::<Nullable<SqlUuid>, _>(new.warehouse_id.map(|id| id.as_uuid()))
    .bind::<Text, _>(new.requested_by.as_str())
    .bind::<Nullable<Text>, _>(new.note.as_ref().map(Note::as_str))
    .bind::<Nullable<Text>, _>(new.override_reason.as_ref().map(Note::as_str))
    .bind::<Jsonb, _>(&new.terms)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<Timestamptz>, _>(new.expires_at)
    .execute(connection)
    .await?;
    return_lines::insert(connection, tenant, new).await
}

/// Writes the status, and sets or clears the time of closing. A macro, because a distributed engine accepts no time in
/// a `CASE`.
macro_rules! update_return {
    ($closed_at:literal) => {
        concat!(
            "UPDATE fulfilment.returns
             SET status = $3, version = version + 1, warehouse_id = $4, decision_reason = $5, expires_at = $6,
                 updated_at = greatest($7, now()), closed_at = ",
            $closed_at,
            " WHERE tenant_id = $1 AND id = $2"
        )
    };
}

/// Writes the next version of a locked return: its status, its warehouse, and the units of its lines.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    changed: &Return,
) -> Result<(), DbError> {
    let text = match (changed.is_open(), changed.closed_at) {
        (true, _) => update_return!("NULL"),
        (false, None) => update_return!("greatest($7, now())"),
        (false, Some(_)) => update_return!("closed_at"),
    };
    let updated = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(changed.id.as_uuid())
        .bind::<Text, _>(changed.status.as_str())
        .bind::<Nullable<SqlUuid>, _>(changed.warehouse_id.map(|id| id.as_uuid()))
        .bind::<Nullable<Text>, _>(changed.decision_reason.as_ref().map(Note::as_str))
        .bind::<Nullable<Timestamptz>, _>(changed.expires_at)
        .bind::<Nullable<Timestamptz>, _>(now)
        .execute(connection)
        .await?;
    DbError::unless_changed(updated == 1, "the return is locked")?;
    return_lines::update(connection, tenant, changed).await
}

/// Returns those of the given returns that exist, unordered.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ReturnId],
) -> Result<Vec<Return>, DbError> {
    let text = select_returns!("r.id = ANY ($2)");
    select(connection, tenant, text, ids).await
}

/// Like [`find`], but locks them until the transaction ends, in key order.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ReturnId],
) -> Result<Vec<Return>, DbError> {
    let text = select_returns!("r.id = ANY ($2) ORDER BY r.id FOR NO KEY UPDATE");
    select(connection, tenant, text, ids).await
}

async fn select(
    connection: &mut Connection,
    tenant: TenantId,
    text: &'static str,
    ids: &[ReturnId],
) -> Result<Vec<Return>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .load(connection)
        .await?;
    with_parts(connection, tenant, rows).await
}

/// Returns the returns of orders, ordered by order and number, without their lines and receipts.
pub(crate) fn find_rows<'q>(tenant: TenantId, order_ids: &[OrderId]) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let text = select_returns!("r.order_id = ANY ($2) ORDER BY r.order_id, r.number");
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// A part of a list.
pub(crate) struct ListedReturns {
    /// Those that match.
    pub(crate) returns: Vec<Return>,
    /// Where the search stopped, if it stopped before the list ended and before the page was full.
    pub(crate) looked_until: Option<ReturnCursor>,
}

/// Selects a page. `$3` to `$5` are the status, the end of the previous page and the limit. If the search stopped early,
/// the last row that it looked at is returned too, whether or not it matches.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            "SELECT * FROM (
                 SELECT l.*, row_number() OVER (ORDER BY l.id) AS position, ($3 IS NULL OR l.status = $3) AS is_wanted
                 FROM (",
            select_returns!($condition),
            " AND r.id > coalesce($4, '00000000-0000-0000-0000-000000000000') ORDER BY r.id LIMIT ",
            most_looked_at!(),
            ") l
             ) looked_at
             WHERE is_wanted OR position = ",
            most_looked_at!(),
            " ORDER BY position LIMIT $5"
        )
    };
}

/// Returns up to `limit` returns after a cursor, the oldest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    filter: &ReturnFilter,
    after: Option<ReturnCursor>,
    limit: usize,
) -> Result<ListedReturns, DbError> {
    #[derive(QueryableByName)]
    struct LookedAt {
        #[diesel(embed)]
        of: Row,
        #[diesel(sql_type = BigInt)]
        position: i64,
        #[diesel(sql_type = Bool)]
        is_wanted: bool,
    }

    // Each has its own text, to be planned with the right index.
    let (text, of) = match filter.of {
        ReturnsOf::Desk => (
            select_page!("$2::uuid IS NULL AND r.closed_at IS NULL"),
            None,
        ),
        ReturnsOf::Warehouse(id) => (
            select_page!("r.warehouse_id = $2 AND r.closed_at IS NULL"),
            Some(id.as_uuid()),
        ),
        ReturnsOf::Order(id) => (select_page!("r.order_id = $2"), Some(id.as_uuid())),
    };
    let mut rows: Vec<LookedAt> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(of)
        .bind::<Nullable<Text>, _>(filter.status.map(ReturnStatus::as_str))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
        .bind::<BigInt, _>(row_limit(limit))
        .load(connection)
        .await?;
    let last = rows.last().filter(|row| row.position == most_looked_at!());
    let looked_until = last.map(|row| Cursor(row.of.id.into()));
    rows.retain(|row| row.is_wanted);
    let rows = rows.into_iter().map(|row| row.of).collect();
    Ok(ListedReturns {
        returns: with_parts(connection, tenant, rows).await?,
        looked_until,
    })
}

/// Returns up to `limit` approved returns that have expired, after a position and with their own. Those that expired first
/// come first.
pub(crate) async fn find_expired(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    after: Option<(DateTime<Utc>, ReturnId)>,
    limit: usize,
) -> Result<Vec<(DateTime<Utc>, ReturnId)>, DbError> {
    #[derive(QueryableByName)]
    struct Expired {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Timestamptz)]
        expires_at: DateTime<Utc>,
    }

    let (expires_at, id) = after.unzip();
    let rows: Vec<Expired> = cached_sql(
        "SELECT id, expires_at FROM fulfilment.returns
         WHERE tenant_id = $1 AND status = 'APPROVED' AND expires_at <= greatest($2, now())
             AND (expires_at, id) > (coalesce($3, '-infinity'), coalesce($4, '00000000-0000-0000-0000-000000000000'))
         ORDER BY expires_at, id LIMIT $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<Timestamptz>, _>(expires_at)
    .bind::<Nullable<SqlUuid>, _>(id.map(|id| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let expired = |row: Expired| (row.expires_at, row.id.into());
    Ok(rows.into_iter().map(expired).collect())
}

/// Returns those of the given orders that have a return about which nobody has decided.
pub(crate) fn find_undecided<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, BTreeSet<OrderId>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT order_id FROM fulfilment.returns
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND status = 'REQUESTED'",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows()
    .map(named_orders)
}

/// A return without its lines and receipts.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    warehouse_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    requested_by: String,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    override_reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    decision_reason: Option<String>,
    #[diesel(sql_type = Jsonb)]
    terms: Value,
    #[diesel(sql_type = Timestamptz)]
    requested_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    closed_at: Option<DateTime<Utc>>,
}

/// Adds lines and receipts to rows, and keeps their order.
async fn with_parts(
    connection: &mut Connection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Vec<Return>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids_of(&rows);
    let lines = return_lines::find(tenant, &ids).run(connection).await?;
    let receipts = return_receipts::find(tenant, &ids).run(connection).await?;
    Ok(returns_of(rows, lines, receipts))
}

/// The IDs of rows.
pub(crate) fn ids_of(rows: &[Row]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// Puts returns together, in the order of their rows.
pub(crate) fn returns_of(
    rows: Vec<Row>,
    mut lines: HashMap<Uuid, Vec<ReturnLine>>,
    mut receipts: HashMap<Uuid, Vec<Receipt>>,
) -> Vec<Return> {
    let of_row = |row: Row| Return {
        id: row.id.into(),
        order_id: row.order_id.into(),
        number: row.number,
        status: ReturnStatus::stored(&row.status),
        version: row.version,
        warehouse_id: row.warehouse_id.map(Into::into),
        requested_by: RequestedBy::stored(&row.requested_by),
        note: row.note.map(Note::stored),
        override_reason: row.override_reason.map(Note::stored),
        decision_reason: row.decision_reason.map(Note::stored),
        terms: row.terms,
        requested_at: row.requested_at,
        updated_at: row.updated_at,
        expires_at: row.expires_at,
        closed_at: row.closed_at,
        lines: lines.remove(&row.id).unwrap_or_default(),
        receipts: receipts.remove(&row.id).unwrap_or_default(),
    };
    rows.into_iter().map(of_row).collect()
}
