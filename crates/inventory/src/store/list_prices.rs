//! The prices of price lists. A writer locks the lists first, through `price_lists`.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Cursor, Money, ProductId, TenantId};
use uuid::Uuid;

use crate::domain::id::PriceListId;
use crate::domain::price_list::ListPrice;
use crate::store::{row_limit, unreadable};

/// The key of a price within its list, as a cursor contains it.
pub(crate) type PriceKey = (ProductId, u64);

/// Prices as parallel arrays.
#[derive(Default)]
pub(crate) struct PriceColumns {
    pub(crate) lists: Vec<Uuid>,
    pub(crate) products: Vec<Uuid>,
    pub(crate) quantities: Vec<i32>,
    pub(crate) amounts: Vec<i64>,
}

impl PriceColumns {
    pub(crate) fn push(&mut self, list: PriceListId, price: &ListPrice) {
        self.push_key(list, price.product_id, price.min_quantity);
        self.amounts.push(price.unit_price.amount_minor);
    }

    /// Adds a key without an amount, for [`delete`].
    pub(crate) fn push_key(&mut self, list: PriceListId, product: ProductId, min_quantity: i32) {
        self.lists.push(list.as_uuid());
        self.products.push(product.as_uuid());
        self.quantities.push(min_quantity);
    }
}

/// A price that was written or deleted.
#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    price_list_id: Uuid,
}

fn lists(rows: Vec<Changed>) -> Vec<Uuid> {
    rows.into_iter().map(|row| row.price_list_id).collect()
}

/// Writes prices of locked lists, and returns the list of each that has changed.
pub(crate) async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    prices: PriceColumns,
) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<Changed> = cached_sql(
        "INSERT INTO inventory.list_prices AS p (tenant_id, price_list_id, product_id, min_quantity, unit_price_minor)
         SELECT t.tenant_id, w.price_list_id, w.product_id, w.min_quantity, w.unit_price_minor
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::integer[], $5::bigint[])
             AS w (price_list_id, product_id, min_quantity, unit_price_minor)
         WHERE t.tenant_id = $1
         ON CONFLICT (tenant_id, price_list_id, product_id, min_quantity)
         DO UPDATE SET unit_price_minor = excluded.unit_price_minor
         WHERE p.unit_price_minor <> excluded.unit_price_minor
         RETURNING p.price_list_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(prices.lists)
    .bind::<Array<SqlUuid>, _>(prices.products)
    .bind::<Array<Integer>, _>(prices.quantities)
    .bind::<Array<BigInt>, _>(prices.amounts)
    .load(connection)
    .await?;
    Ok(lists(rows))
}

/// Deletes prices of locked lists, and returns the list of each that existed.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    keys: PriceColumns,
) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<Changed> = cached_sql(
        "DELETE FROM inventory.list_prices p
         USING unnest($2::uuid[], $3::uuid[], $4::integer[]) AS w (price_list_id, product_id, min_quantity)
         WHERE p.tenant_id = $1 AND p.price_list_id = w.price_list_id AND p.product_id = w.product_id
             AND p.min_quantity = w.min_quantity
         RETURNING p.price_list_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(keys.lists)
    .bind::<Array<SqlUuid>, _>(keys.products)
    .bind::<Array<Integer>, _>(keys.quantities)
    .load(connection)
    .await?;
    Ok(lists(rows))
}

/// Deletes the prices of a locked list that are not among these.
pub(crate) async fn delete_others(
    connection: &mut Connection,
    tenant: TenantId,
    list: PriceListId,
    kept: &[ListPrice],
) -> Result<(), DbError> {
    let products: Vec<Uuid> = kept.iter().map(|it| it.product_id.as_uuid()).collect();
    let quantities: Vec<i32> = kept.iter().map(|it| it.min_quantity).collect();
    cached_sql(
        "DELETE FROM inventory.list_prices p
         WHERE p.tenant_id = $1 AND p.price_list_id = $2 AND NOT EXISTS (
             SELECT FROM unnest($3::uuid[], $4::integer[]) AS kept (product_id, min_quantity)
             WHERE kept.product_id = p.product_id AND kept.min_quantity = p.min_quantity)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(list.as_uuid())
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .execute(connection)
    .await?;
    Ok(())
}

/// Selects a page of prices. A macro, because the text of a cached statement must be a constant.
macro_rules! select_prices {
    ($condition:literal) => {
        concat!(
            "SELECT p.product_id, p.min_quantity, p.unit_price_minor, l.currency
             FROM inventory.price_lists l
             JOIN inventory.list_prices p ON p.tenant_id = l.tenant_id AND p.price_list_id = l.id
             WHERE l.tenant_id = $1 AND l.id = $2
                 AND (p.product_id, p.min_quantity)
                     > (coalesce($3, '00000000-0000-0000-0000-000000000000'), coalesce($4, 0)) ",
            $condition,
            " ORDER BY p.product_id, p.min_quantity LIMIT $5"
        )
    };
}

/// Returns up to `limit` prices of a list after a cursor, ordered by product and quantity; only those of a given
/// product.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    list: PriceListId,
    product: Option<ProductId>,
    after: Option<Cursor<PriceKey>>,
    limit: usize,
) -> Result<Vec<ListPrice>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        min_quantity: i32,
        #[diesel(sql_type = BigInt)]
        unit_price_minor: i64,
        #[diesel(sql_type = Text)]
        currency: String,
    }

    let (after_product, after_quantity) = after.map(|Cursor(key)| key).unzip();
    let after_quantity = after_quantity.map(|it| i32::try_from(it).unwrap_or(i32::MAX));
    // Two texts, so that each is planned with the right part of the key.
    let text = match product {
        Some(_) => select_prices!("AND p.product_id = $6"),
        None => select_prices!("AND $6::uuid IS NULL"),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(list.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(after_product.map(ProductId::as_uuid))
        .bind::<Nullable<Integer>, _>(after_quantity)
        .bind::<BigInt, _>(row_limit(limit))
        .bind::<Nullable<SqlUuid>, _>(product.map(ProductId::as_uuid))
        .load(connection)
        .await?;
    let price = |row: Row| {
        Ok(ListPrice {
            product_id: row.product_id.into(),
            min_quantity: row.min_quantity,
            unit_price: Money {
                amount_minor: row.unit_price_minor,
                currency: Currency::parse_stored(&row.currency).map_err(unreadable)?,
            },
        })
    };
    rows.into_iter().map(price).collect()
}
