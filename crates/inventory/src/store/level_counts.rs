//! The units of stock levels. A writer locks the level first, through `stock_levels`.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::{Cursor, TenantId};
use uuid::Uuid;

use crate::domain::allocation::LevelKey;
use crate::domain::name::{Name, Sku};
use crate::domain::stock_level::{LevelChange, LevelCounts, LevelFilter, StockLevel};
use crate::store::{row_limit, unreadable};

pub(super) fn columns(keys: &BTreeSet<LevelKey>) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.iter()
        .map(|(warehouse, product)| (warehouse.as_uuid(), product.as_uuid()))
        .unzip()
}

/// Inserts missing levels without units, in key order.
pub(crate) async fn insert_missing(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
) -> Result<(), DbError> {
    let (warehouses, products) = columns(keys);
    cached_sql(
        "INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
         SELECT t.tenant_id, k.warehouse_id, k.product_id, 0
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[]) AS k (warehouse_id, product_id)
         WHERE t.tenant_id = $1
         ORDER BY k.warehouse_id, k.product_id
         ON CONFLICT (tenant_id, warehouse_id, product_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the units of existing levels. To change a level, lock it before this call.
pub(crate) fn find<'q>(
    tenant: TenantId,
    keys: &BTreeSet<LevelKey>,
) -> Statement<'q, BTreeMap<LevelKey, LevelCounts>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        on_hand: i32,
        #[diesel(sql_type = Integer)]
        reserved: i32,
        #[diesel(sql_type = Integer)]
        backordered: i32,
        #[diesel(sql_type = Integer)]
        quarantined: i32,
        #[diesel(sql_type = Integer)]
        safety_stock: i32,
    }

    let (warehouses, products) = columns(keys);
    let level = |row: Row| {
        let counts = LevelCounts {
            on_hand: row.on_hand,
            reserved: row.reserved,
            backordered: row.backordered,
            quarantined: row.quarantined,
            safety_stock: row.safety_stock,
        };
        ((row.warehouse_id.into(), row.product_id.into()), counts)
    };
    cached_sql(
        "SELECT s.warehouse_id, s.product_id, s.on_hand, s.reserved, s.backordered, s.quarantined, s.safety_stock
         FROM inventory.stock_levels s
         JOIN unnest($2::uuid[], $3::uuid[]) AS k (warehouse_id, product_id)
             ON s.warehouse_id = k.warehouse_id AND s.product_id = k.product_id
         WHERE s.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .rows::<Row>()
    .map(move |rows| rows.into_iter().map(level).collect())
}

/// Changes the units of locked levels, and returns the number of levels.
pub(crate) fn change<'q>(
    tenant: TenantId,
    changes: &BTreeMap<LevelKey, LevelChange>,
) -> Statement<'q, usize> {
    let (warehouses, products): (Vec<Uuid>, Vec<Uuid>) = changes
        .keys()
        .map(|(warehouse, product)| (warehouse.as_uuid(), product.as_uuid()))
        .unzip();
    let units = |of: fn(&LevelChange) -> i32| -> Vec<i32> { changes.values().map(of).collect() };
    cached_sql(
        "UPDATE inventory.stock_levels AS s
         SET on_hand = s.on_hand + c.on_hand, reserved = s.reserved + c.reserved,
             quarantined = s.quarantined + c.quarantined
         FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::integer[])
             AS c (warehouse_id, product_id, on_hand, reserved, quarantined)
         WHERE s.tenant_id = $1 AND s.warehouse_id = c.warehouse_id AND s.product_id = c.product_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(units(|change| change.on_hand))
    .bind::<Array<Integer>, _>(units(|change| change.reserved))
    .bind::<Array<Integer>, _>(units(|change| change.quarantined))
    .affected()
}

/// Writes the safety stock of a locked level.
pub(crate) async fn set_safety_stock(
    connection: &mut Connection,
    tenant: TenantId,
    level: LevelKey,
    safety_stock: i32,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.stock_levels SET safety_stock = $4
         WHERE tenant_id = $1 AND warehouse_id = $2 AND product_id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(level.0.as_uuid())
    .bind::<SqlUuid, _>(level.1.as_uuid())
    .bind::<Integer, _>(safety_stock)
    .execute(connection)
    .await?;
    Ok(())
}

/// Selects a page of levels. A macro, because each combination of keys needs its own statement text to be planned with
/// the right index.
macro_rules! select_levels {
    ($condition:literal) => {
        concat!(
            "SELECT s.warehouse_id, w.name AS warehouse_name, s.product_id, p.sku, s.on_hand, s.reserved,
                    s.backordered, s.quarantined, s.safety_stock
             FROM inventory.stock_levels s
             JOIN inventory.warehouses w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
             JOIN inventory.products p ON p.tenant_id = s.tenant_id AND p.id = s.product_id
             WHERE s.tenant_id = $1 AND ",
            $condition,
            " AND (s.warehouse_id, s.product_id)
                  > (coalesce($4, '00000000-0000-0000-0000-000000000000'),
                     coalesce($5, '00000000-0000-0000-0000-000000000000'))
              AND ($6 IS NULL
                   OR s.on_hand - s.reserved - s.backordered - s.quarantined - s.safety_stock < $6)
              ORDER BY s.warehouse_id, s.product_id LIMIT $7"
        )
    };
}

/// Returns up to `limit` levels after a cursor, in key order. The filter's SKU is ignored; resolve it to the product's
/// ID.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    filter: &LevelFilter,
    after: Option<Cursor<LevelKey>>,
    limit: usize,
) -> Result<Vec<StockLevel>, DbError> {
    let text = match (filter.warehouse_id, filter.product_id) {
        (None, None) => select_levels!("$2::uuid IS NULL AND $3::uuid IS NULL"),
        (Some(_), None) => select_levels!("s.warehouse_id = $2 AND $3::uuid IS NULL"),
        (None, Some(_)) => select_levels!("$2::uuid IS NULL AND s.product_id = $3"),
        (Some(_), Some(_)) => select_levels!("s.warehouse_id = $2 AND s.product_id = $3"),
    };
    let rows: Vec<Row> = cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(filter.warehouse_id.map(|id| id.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(filter.product_id.map(|id| id.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor((warehouse, _))| warehouse.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(after.map(|Cursor((_, product))| product.as_uuid()))
        .bind::<Nullable<Integer>, _>(filter.below_available)
        .bind::<BigInt, _>(row_limit(limit))
        .load(connection)
        .await?;
    rows.into_iter().map(StockLevel::try_from).collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = Text)]
    warehouse_name: String,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Integer)]
    on_hand: i32,
    #[diesel(sql_type = Integer)]
    reserved: i32,
    #[diesel(sql_type = Integer)]
    backordered: i32,
    #[diesel(sql_type = Integer)]
    quarantined: i32,
    #[diesel(sql_type = Integer)]
    safety_stock: i32,
}

impl TryFrom<Row> for StockLevel {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            warehouse_id: row.warehouse_id.into(),
            warehouse_name: Name::stored(&row.warehouse_name).map_err(unreadable)?,
            product_id: row.product_id.into(),
            sku: Sku::stored(&row.sku).map_err(unreadable)?,
            counts: LevelCounts {
                on_hand: row.on_hand,
                reserved: row.reserved,
                backordered: row.backordered,
                quarantined: row.quarantined,
                safety_stock: row.safety_stock,
            },
        })
    }
}
