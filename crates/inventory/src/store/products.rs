//! Products and their prices, for orders and catalogues.

use std::collections::BTreeSet;
use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{ProductId, TenantId};
use uuid::Uuid;

use crate::domain::catalogue::CatalogueProduct;
use crate::store::IdRow;

/// Returns the SKUs of the existing products.
pub(crate) async fn find_skus(
    connection: &mut Connection,
    tenant: TenantId,
    product_ids: &[ProductId],
) -> Result<HashMap<ProductId, String>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        sku: String,
    }

    let ids: Vec<Uuid> = product_ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> =
        cached_sql("SELECT id, sku FROM inventory.products WHERE tenant_id = $1 AND id = ANY ($2)")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .load(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id.into(), row.sku))
        .collect())
}

/// Inserts missing products with their prices, and returns their number.
pub(crate) async fn insert_missing(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[CatalogueProduct],
) -> Result<usize, DbError> {
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
    let inserted = cached_sql(
        "INSERT INTO inventory.products (tenant_id, id, sku, name)
         SELECT t.tenant_id, new.id, new.sku, new.name
         FROM tenancy.tenants t CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[]) AS new (id, sku, name)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(skus)
    .bind::<Array<Text>, _>(names)
    .execute(connection)
    .await?;
    insert_missing_prices(connection, tenant, products).await?;
    Ok(inserted)
}

async fn insert_missing_prices(
    connection: &mut Connection,
    tenant: TenantId,
    products: &[CatalogueProduct],
) -> Result<(), DbError> {
    let prices: Vec<_> = products
        .iter()
        .flat_map(|product| product.prices.iter().map(|price| (product.id, *price)))
        .collect();
    let ids: Vec<Uuid> = prices.iter().map(|(id, _)| id.as_uuid()).collect();
    let currencies: Vec<&str> = prices
        .iter()
        .map(|(_, price)| price.currency.as_str())
        .collect();
    let amounts: Vec<i64> = prices.iter().map(|(_, price)| price.amount_minor).collect();
    cached_sql(
        "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
         SELECT t.tenant_id, new.product_id, new.currency, new.amount
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::text[], $4::bigint[]) AS new (product_id, currency, amount)
         WHERE t.tenant_id = $1
         ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(currencies)
    .bind::<Array<BigInt>, _>(amounts)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the IDs that belong to products of the tenant.
pub(crate) async fn find_known(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &BTreeSet<ProductId>,
) -> Result<BTreeSet<ProductId>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<IdRow> =
        cached_sql("SELECT id FROM inventory.products WHERE tenant_id = $1 AND id = ANY ($2)")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .load(connection)
            .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
