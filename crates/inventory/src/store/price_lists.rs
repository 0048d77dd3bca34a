//! Price lists, without their prices.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Cursor, TenantId};
use uuid::Uuid;

use crate::domain::id::PriceListId;
use crate::domain::price_list::{NewPriceList, PriceList, PriceListCode, Validity};
use crate::store::{row_limit, unreadable};

/// Selects a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! select_lists {
    ($condition:literal) => {
        concat!(
            "SELECT id, code, currency, valid_from, valid_until, active, version, created_at, updated_at
             FROM inventory.price_lists WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Inserts a price list.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    id: PriceListId,
    new: &NewPriceList,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO inventory.price_lists (tenant_id, id, code, currency, valid_from, valid_until, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(new.code.as_str())
    .bind::<Text, _>(new.currency.as_str())
    .bind::<Nullable<Timestamptz>, _>(new.validity.from())
    .bind::<Nullable<Timestamptz>, _>(new.validity.until())
    .bind::<Bool, _>(new.active)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the price list with an ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: PriceListId,
) -> Result<Option<PriceList>, DbError> {
    select_one(connection, tenant, id, select_lists!("id = $2")).await
}

/// Like [`find`], but locks the list until the transaction ends. It and its prices change only under this lock.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: PriceListId,
) -> Result<Option<PriceList>, DbError> {
    let text = select_lists!("id = $2 FOR NO KEY UPDATE");
    select_one(connection, tenant, id, text).await
}

async fn select_one(
    connection: &mut Connection,
    tenant: TenantId,
    id: PriceListId,
    text: &'static str,
) -> Result<Option<PriceList>, DbError> {
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().next().map(PriceList::try_from).transpose()
}

/// Returns the price lists with the given codes.
pub(crate) async fn find_by_codes(
    connection: &mut Connection,
    tenant: TenantId,
    codes: &[&str],
) -> Result<Vec<PriceList>, DbError> {
    let rows: Vec<Row> = cached_sql(select_lists!("code = ANY ($2)"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Text>, _>(codes)
        .load(connection)
        .await?;
    rows.into_iter().map(PriceList::try_from).collect()
}

/// Locks price lists in the order of their IDs until the transaction ends.
pub(crate) async fn lock_all(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<(), DbError> {
    cached_sql(
        "SELECT 1 FROM inventory.price_lists WHERE tenant_id = $1 AND id = ANY ($2)
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the next version of a locked list.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    list: &PriceList,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.price_lists
         SET valid_from = $3, valid_until = $4, active = $5, version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(list.id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(list.validity.from())
    .bind::<Nullable<Timestamptz>, _>(list.validity.until())
    .bind::<Bool, _>(list.active)
    .execute(connection)
    .await?;
    Ok(())
}

/// Increments the versions of locked lists, whose prices have changed.
pub(crate) async fn raise_versions(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.price_lists SET version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns up to `limit` price lists after a cursor, newest first; at most one with a given code.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    code: Option<&PriceListCode>,
    after: Option<Cursor<PriceListId>>,
    limit: usize,
) -> Result<Vec<PriceList>, DbError> {
    // Two texts, so that each is planned with the right index.
    let text = match code {
        Some(_) => select_lists!(
            "code = $4 AND id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             ORDER BY id DESC LIMIT $3"
        ),
        None => select_lists!(
            "id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AND $4::text IS NULL
             ORDER BY id DESC LIMIT $3"
        ),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
        .bind::<BigInt, _>(row_limit(limit))
        .bind::<Nullable<Text>, _>(code.map(PriceListCode::as_str))
        .load(connection)
        .await?;
    rows.into_iter().map(PriceList::try_from).collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    valid_from: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    valid_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for PriceList {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id.into(),
            code: PriceListCode::parse(&row.code).map_err(unreadable)?,
            currency: Currency::parse_stored(&row.currency).map_err(unreadable)?,
            validity: Validity::new(row.valid_from, row.valid_until).map_err(unreadable)?,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
