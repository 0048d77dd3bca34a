//! The lines of orders.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Currency, Money, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::line::OrderLine;

/// Inserts the lines of an order, numbered from 1 in the order of the slice.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    lines: &[OrderLine],
) -> Result<(), DbError> {
    let products: Vec<Uuid> = lines.iter().map(|line| line.product_id.as_uuid()).collect();
    let quantities: Vec<i32> = lines.iter().map(|line| line.quantity).collect();
    let prices: Vec<i64> = lines
        .iter()
        .map(|line| line.unit_price.amount_minor)
        .collect();
    cached_sql(
        "INSERT INTO orders.lines (tenant_id, order_id, number, product_id, quantity, unit_price_minor)
         SELECT $1, $2, number, product_id, quantity, unit_price_minor
         FROM unnest($3::uuid[], $4::integer[], $5::bigint[]) WITH ORDINALITY
             AS l (product_id, quantity, unit_price_minor, number)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Array<BigInt>, _>(prices)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Integer)]
    quantity: i32,
    #[diesel(sql_type = BigInt)]
    unit_price_minor: i64,
}

/// The lines of an order, in its currency.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    currency: Currency,
) -> Result<Vec<OrderLine>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT product_id, quantity, unit_price_minor FROM orders.lines
         WHERE tenant_id = $1 AND order_id = $2 ORDER BY number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .load(connection)
    .await?;
    let line = |row: Row| OrderLine {
        product_id: row.product_id.into(),
        quantity: row.quantity,
        unit_price: Money {
            amount_minor: row.unit_price_minor,
            currency,
        },
    };
    Ok(rows.into_iter().map(line).collect())
}
