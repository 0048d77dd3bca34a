//! Reading findings.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_payments::{ChargeId, Reference};
use oms_validation::{Currency, Cursor, Money, OrderId, TenantId};
use oms_work::Lease;
use uuid::Uuid;

use crate::domain::finding::{
    Finding, FindingAction, FindingFilter, FindingKind, FindingResolved, FindingState,
};
use crate::domain::id::FindingId;
use crate::store::unreadable;

/// The columns of a [`Row`], read from `orders.findings w`. A macro, because the text of a cached statement must be a
/// constant.
macro_rules! columns {
    () => {
        "w.id, w.kind, w.gateway, w.subject, w.charge_reference, w.payment_reference, w.order_id, w.installation_id, w.expected_minor,
         w.expected_currency, w.found_minor, w.found_currency, w.detail, w.action, w.claim, w.tries, w.found_at, w.last_seen_at,
         w.note, w.resolved_at, w.resolved_by"
    };
}
pub(super) use columns;

/// A page after an optional cursor, newest first.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM orders.findings w
              WHERE w.tenant_id = $1 AND ",
            $condition,
            " AND ($5 IS NULL OR w.kind = $5)
              AND (w.found_at, w.id)
                  < (coalesce($2, 'infinity'), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
              ORDER BY w.found_at DESC, w.id DESC LIMIT $4"
        )
    };
}

/// A finding by its ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: FindingId,
) -> Result<Option<Finding>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM orders.findings w WHERE w.tenant_id = $1 AND w.id = $2"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter().next().map(Row::into_finding).transpose()
}

/// Up to `limit` findings after an optional cursor, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    filter: FindingFilter,
    after: Option<Cursor<(DateTime<Utc>, FindingId)>>,
    limit: usize,
) -> Result<Vec<Finding>, DbError> {
    let text = match filter.state {
        FindingState::Open => select_page!("w.resolved_at IS NULL"),
        FindingState::Resolved => select_page!("w.resolved_at IS NOT NULL"),
        FindingState::All => select_page!("true"),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(after.map(|Cursor((at, _))| at))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor((_, id))| id.as_uuid()))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind::<Nullable<Text>, _>(filter.kind.map(FindingKind::as_str))
        .load(connection)
        .await?;
    rows.into_iter().map(Row::into_finding).collect()
}

/// The open findings of an order, newest first.
pub(crate) async fn find_open_of_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<Finding>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM orders.findings w WHERE w.tenant_id = $1 AND w.order_id = $2 AND w.resolved_at IS NULL
          ORDER BY w.found_at DESC, w.id DESC"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    rows.into_iter().map(Row::into_finding).collect()
}

/// The number of open findings of all tenants. Reads across tenants, but only an index of open ones.
pub(crate) async fn count_open(connection: &mut Connection) -> Result<u64, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        open: i64,
    }

    let statement = cached_sql(
        "-- across tenants: a gauge
         SELECT count(*) AS open FROM orders.findings WHERE resolved_at IS NULL",
    );
    let counted: Counted = statement.get_result(connection).await?;
    Ok(counted.open.unsigned_abs())
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    gateway: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Nullable<Text>)]
    charge_reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    payment_reference: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    order_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    installation_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    expected_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    expected_currency: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    found_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    found_currency: Option<String>,
    #[diesel(sql_type = Text)]
    detail: String,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = BigInt)]
    claim: i64,
    #[diesel(sql_type = Integer)]
    tries: i32,
    #[diesel(sql_type = Timestamptz)]
    found_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last_seen_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    resolved_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    resolved_by: Option<String>,
}

impl Row {
    pub(super) fn into_finding(self) -> Result<Finding, DbError> {
        let charge = self.charge_reference.as_deref().map(ChargeId::parse);
        let payment = self.payment_reference.as_deref().map(Reference::parse);
        Ok(Finding {
            id: self.id.into(),
            kind: FindingKind::stored(&self.kind),
            gateway: self.gateway,
            subject: self.subject,
            charge: charge.transpose().map_err(unreadable)?,
            payment: payment.transpose().map_err(unreadable)?,
            order_id: self.order_id.map(Into::into),
            installation_id: self.installation_id.map(Into::into),
            expected: money(self.expected_minor, self.expected_currency)?,
            found: money(self.found_minor, self.found_currency)?,
            detail: self.detail,
            action: FindingAction::stored(&self.action),
            lease: Lease::new(self.claim, self.tries),
            found_at: self.found_at,
            last_seen_at: self.last_seen_at,
            note: self.note,
            resolved: self
                .resolved_at
                .zip(self.resolved_by)
                .map(|(at, by)| FindingResolved { by, at }),
        })
    }
}

fn money(amount_minor: Option<i64>, currency: Option<String>) -> Result<Option<Money>, DbError> {
    let Some((amount_minor, currency)) = amount_minor.zip(currency) else {
        return Ok(None);
    };
    Ok(Some(Money {
        amount_minor,
        currency: Currency::parse_stored(&currency).map_err(unreadable)?,
    }))
}
