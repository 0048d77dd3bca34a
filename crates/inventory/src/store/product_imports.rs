//! Bulk statements for products by SKU. Rows are inserted and locked in the byte order of SKUs, which is also Rust's
//! order.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{ProductId, TenantId};
use uuid::Uuid;

use crate::domain::name::{Name, Sku};
use crate::domain::product::Prices;
use crate::store::{IdRow, row_limit};

/// The desired state of a product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProductWrite<'a> {
    pub(crate) id: ProductId,
    /// Whether it was inserted in this transaction.
    pub(crate) is_new: bool,
    pub(crate) sku: &'a Sku,
    pub(crate) name: &'a Name,
    /// Its new prices. Prices in other currencies are kept.
    pub(crate) prices: &'a Prices,
}

#[derive(QueryableByName)]
struct SkuRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
}

fn by_sku(rows: Vec<SkuRow>) -> HashMap<String, ProductId> {
    rows.into_iter()
        .map(|row| (row.sku, row.id.into()))
        .collect()
}

/// Returns the products that have the given SKUs.
pub(crate) async fn find_ids(
    connection: &mut Connection,
    tenant: TenantId,
    skus: &[&str],
) -> Result<HashMap<String, ProductId>, DbError> {
    let rows: Vec<SkuRow> = cached_sql(
        "SELECT id, sku FROM inventory.products WHERE tenant_id = $1 AND sku = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<Text>, _>(skus)
    .load(connection)
    .await?;
    Ok(by_sku(rows))
}

/// Like [`find_ids`], but locks the products until the transaction ends. Prices change only under this lock.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    skus: &[&str],
) -> Result<HashMap<String, ProductId>, DbError> {
    let rows: Vec<SkuRow> = cached_sql(
        "SELECT id, sku FROM inventory.products WHERE tenant_id = $1 AND sku = ANY ($2)
         ORDER BY sku COLLATE \"C\" FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<Text>, _>(skus)
    .load(connection)
    .await?;
    Ok(by_sku(rows))
}

/// Inserts the products whose SKUs are new, without prices.
pub(crate) async fn insert_missing(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[ProductWrite<'_>],
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = products
        .iter()
        .map(|product| product.id.as_uuid())
        .collect();
    let skus: Vec<&str> = products
        .iter()
        .map(|product| product.sku.as_str())
        .collect();
    let names: Vec<&str> = products
        .iter()
        .map(|product| product.name.as_str())
        .collect();
    cached_sql(
        "INSERT INTO inventory.products (tenant_id, id, sku, name)
         SELECT t.tenant_id, n.id, n.sku, n.name
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[]) AS n (id, sku, name)
         WHERE t.tenant_id = $1
         ORDER BY n.sku COLLATE \"C\"
         ON CONFLICT (tenant_id, sku) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(skus)
    .bind::<Array<Text>, _>(names)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the locked products that would have more than `most` prices.
pub(crate) async fn find_overpriced(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[ProductWrite<'_>],
    most: usize,
) -> Result<Vec<ProductId>, DbError> {
    let prices = PriceColumns::of(products);
    let rows: Vec<IdRow> = cached_sql(
        "WITH wanted AS (
             SELECT product_id, currency FROM unnest($2::uuid[], $3::text[]) AS w (product_id, currency)
         )
         SELECT product_id AS id FROM (
             SELECT product_id, currency FROM wanted
             UNION
             SELECT p.product_id, p.currency FROM inventory.prices p
             WHERE p.tenant_id = $1 AND p.product_id IN (SELECT product_id FROM wanted)
         ) prices
         GROUP BY product_id HAVING count(*) > $4",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(prices.products)
    .bind::<Array<Text>, _>(prices.currencies)
    .bind::<BigInt, _>(row_limit(most))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Writes names and prices of locked products. Returns how many existing products changed; their versions increment.
pub(crate) async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[ProductWrite<'_>],
) -> Result<usize, DbError> {
    let ids: Vec<Uuid> = products
        .iter()
        .map(|product| product.id.as_uuid())
        .collect();
    let names: Vec<&str> = products
        .iter()
        .map(|product| product.name.as_str())
        .collect();
    let are_new: Vec<bool> = products.iter().map(|product| product.is_new).collect();
    let prices = PriceColumns::of(products);
    let priced: Vec<IdRow> = cached_sql(
        "INSERT INTO inventory.prices AS p (tenant_id, product_id, currency, unit_price_minor)
         SELECT t.tenant_id, w.product_id, w.currency, w.unit_price_minor
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::text[], $4::bigint[]) AS w (product_id, currency, unit_price_minor)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, product_id, currency)
         DO UPDATE SET unit_price_minor = excluded.unit_price_minor, updated_at = excluded.updated_at
         WHERE p.unit_price_minor <> excluded.unit_price_minor
         RETURNING p.product_id AS id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(prices.products)
    .bind::<Array<Text>, _>(prices.currencies)
    .bind::<Array<BigInt>, _>(prices.amounts)
    .load(connection)
    .await?;
    let priced: Vec<Uuid> = priced.into_iter().map(|row| row.id).collect();
    let changed = cached_sql(
        "UPDATE inventory.products p SET name = w.name, version = p.version + 1, updated_at = now()
         FROM unnest($2::uuid[], $3::text[], $4::boolean[]) AS w (id, name, is_new)
         WHERE p.tenant_id = $1 AND p.id = w.id AND NOT w.is_new
             AND (p.name <> w.name OR p.id = ANY ($5))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Bool>, _>(are_new)
    .bind::<Array<SqlUuid>, _>(priced)
    .execute(connection)
    .await?;
    Ok(changed)
}

/// Prices of products as parallel arrays.
#[derive(Default)]
struct PriceColumns {
    products: Vec<Uuid>,
    currencies: Vec<String>,
    amounts: Vec<i64>,
}

impl PriceColumns {
    fn of(products: &[ProductWrite<'_>]) -> Self {
        let mut columns = Self::default();
        for product in products {
            for price in product.prices.iter() {
                columns.products.push(product.id.as_uuid());
                columns.currencies.push(price.currency.as_str().to_owned());
                columns.amounts.push(price.amount_minor);
            }
        }
        columns
    }
}
