//! Single products with their prices, for administration.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Cursor, Money, ProductId, TenantId};
use uuid::Uuid;

use crate::domain::name::{Name, Sku};
use crate::domain::product::{NewProduct, Prices, Product};
use crate::store::{row_limit, unreadable};

/// Selects a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! select_products {
    ($condition:literal) => {
        concat!(
            "SELECT p.id, p.sku, p.name, p.version, p.created_at, p.updated_at,
                    ARRAY(SELECT currency FROM inventory.prices
                          WHERE tenant_id = $1 AND product_id = p.id ORDER BY currency) AS currencies,
                    ARRAY(SELECT unit_price_minor FROM inventory.prices
                          WHERE tenant_id = $1 AND product_id = p.id ORDER BY currency) AS amounts
             FROM inventory.products p WHERE p.tenant_id = $1 AND ",
            $condition
        )
    };
}

/// Inserts a product, without its prices.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    id: ProductId,
    new: &NewProduct,
) -> Result<(), DbError> {
    cached_sql("INSERT INTO inventory.products (tenant_id, id, sku, name) VALUES ($1, $2, $3, $4)")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<Text, _>(new.sku.as_str())
        .bind::<Text, _>(new.name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces all prices of a product. Unchanged prices are not written.
pub(crate) async fn replace_prices(
    connection: &mut Connection,
    tenant: TenantId,
    id: ProductId,
    prices: &Prices,
) -> Result<(), DbError> {
    let prices: Vec<Money> = prices.iter().collect();
    let currencies: Vec<&str> = prices.iter().map(|price| price.currency.as_str()).collect();
    let amounts: Vec<i64> = prices.iter().map(|price| price.amount_minor).collect();
    cached_sql(
        "DELETE FROM inventory.prices WHERE tenant_id = $1 AND product_id = $2 AND currency <> ALL ($3)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Text>, _>(&currencies)
    .execute(connection)
    .await?;
    cached_sql(
        "INSERT INTO inventory.prices AS p (tenant_id, product_id, currency, unit_price_minor)
         SELECT t.tenant_id, $2, w.currency, w.amount
         FROM tenancy.tenants t CROSS JOIN unnest($3::text[], $4::bigint[]) AS w (currency, amount)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, product_id, currency)
         DO UPDATE SET unit_price_minor = excluded.unit_price_minor, updated_at = excluded.updated_at
         WHERE p.unit_price_minor <> excluded.unit_price_minor",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Text>, _>(currencies)
    .bind::<Array<BigInt>, _>(amounts)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the product with an ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: ProductId,
) -> Result<Option<Product>, DbError> {
    select_one(connection, tenant, id, select_products!("p.id = $2")).await
}

/// Like [`find`], but locks the product until the transaction ends. Prices change only under this lock.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: ProductId,
) -> Result<Option<Product>, DbError> {
    let locked = cached_sql(
        "SELECT 1 FROM inventory.products WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    if locked == 0 {
        return Ok(None);
    }
    // A separate statement, because prices that changed during the wait for the lock are newer than the lock's
    // snapshot.
    find(connection, tenant, id).await
}

async fn select_one(
    connection: &mut Connection,
    tenant: TenantId,
    id: ProductId,
    text: &'static str,
) -> Result<Option<Product>, DbError> {
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(connection)
        .await?;
    rows.into_iter().next().map(Product::try_from).transpose()
}

/// Writes the next version of a locked product, without its prices.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    product: &Product,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.products SET sku = $3, name = $4, version = version + 1, updated_at = now()
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(product.id.as_uuid())
    .bind::<Text, _>(product.sku.as_str())
    .bind::<Text, _>(product.name.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns up to `limit` products after a cursor, newest first; at most one with a given SKU.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    sku: Option<&Sku>,
    after: Option<Cursor<ProductId>>,
    limit: usize,
) -> Result<Vec<Product>, DbError> {
    // Two texts, so that each is planned with the right index.
    let text = match sku {
        Some(_) => select_products!(
            "p.sku = $4 AND p.id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             ORDER BY p.id DESC LIMIT $3"
        ),
        None => select_products!(
            "p.id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AND $4::text IS NULL
             ORDER BY p.id DESC LIMIT $3"
        ),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor(id)| id.as_uuid()))
        .bind::<BigInt, _>(row_limit(limit))
        .bind::<Nullable<Text>, _>(sku.map(Sku::as_str))
        .load(connection)
        .await?;
    rows.into_iter().map(Product::try_from).collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Array<Text>)]
    currencies: Vec<String>,
    #[diesel(sql_type = Array<BigInt>)]
    amounts: Vec<i64>,
}

impl TryFrom<Row> for Product {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let prices = row.currencies.iter().zip(row.amounts);
        let price = |(currency, amount_minor): (&String, i64)| {
            let currency = Currency::parse_stored(currency).map_err(unreadable)?;
            Ok(Money {
                amount_minor,
                currency,
            })
        };
        let prices: Vec<Money> = prices.map(price).collect::<Result<_, DbError>>()?;
        Ok(Self {
            id: row.id.into(),
            sku: Sku::stored(&row.sku).map_err(unreadable)?,
            name: Name::stored(&row.name).map_err(unreadable)?,
            prices: Prices::stored(prices),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
