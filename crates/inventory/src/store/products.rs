//! Products and their prices.

use std::collections::BTreeSet;
use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{Currency, Money, TenantId};
use uuid::Uuid;

use crate::ProductId;
use crate::domain::catalogue::CatalogueProduct;
use crate::store::IdRow;

/// The products that exist, each with its price in the currency if it has one, in no order.
pub(crate) fn find_prices<'q>(
    tenant: TenantId,
    currency: Currency,
    product_ids: &[ProductId],
) -> Statement<'q, Vec<(ProductId, Option<Money>)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Nullable<BigInt>)]
        unit_price_minor: Option<i64>,
    }

    let ids: Vec<Uuid> = product_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT p.id, pr.unit_price_minor
         FROM inventory.products p
         LEFT JOIN inventory.prices pr
             ON pr.tenant_id = p.tenant_id AND pr.product_id = p.id AND pr.currency = $3
         WHERE p.tenant_id = $1 AND p.id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Text, _>(currency.as_str().to_owned())
    .rows::<Row>()
    .map(move |rows| {
        let price = |row: Row| {
            let money = row.unit_price_minor.map(|amount_minor| Money {
                amount_minor,
                currency,
            });
            (row.id.into(), money)
        };
        rows.into_iter().map(price).collect()
    })
}

/// The SKUs of those products that exist.
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

/// Inserts the products that are not there yet, with their prices, and returns how many that were.
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
         SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[])
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
         SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::bigint[])
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

/// Those of some ids that name a product of the store.
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
