//! The warehouses that could serve an order, nearest first.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Double, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{Location, TenantId};
use postgis_diesel::sql_types::Geography;
use uuid::Uuid;

use crate::domain::demand::Demand;
use crate::domain::routing::Candidate;
use crate::store::point;

/// Two plans in one statement, because neither is good everywhere.
///
/// `near` takes the nearest warehouses from the spatial index, and `near_fit` walks them until one can fill the demand:
/// in most stores that is the first or second. Only when none of them can does `far_fit` start from the other side, from the
/// warehouses that have the products. `WITH TIES` lets the lowest id win among warehouses at one distance, wherever the
/// walk is cut off. `OFFSET 0` keeps the planner from testing all of `near` before it sorts, and the scalar sub-selects
/// make it look each stock level up by its whole key, whatever it believes about the number of products.
const FIND: &str = "
WITH demand AS MATERIALIZED (
    SELECT product_id, quantity, position
    FROM unnest($3::uuid[], $4::integer[]) WITH ORDINALITY AS d (product_id, quantity, position)
),
near AS MATERIALIZED (
    SELECT id, name, location <-> $2 AS distance_m
    FROM inventory.warehouses
    WHERE tenant_id = $1 AND active
    ORDER BY location <-> $2
    FETCH FIRST 32 ROWS WITH TIES
),
near_fit AS MATERIALIZED (
    SELECT n.id, n.distance_m
    FROM (SELECT id, distance_m FROM near ORDER BY distance_m, id OFFSET 0) AS n
    WHERE (
        SELECT bool_and(d.quantity <= coalesce((
            SELECT s.on_hand - s.reserved
            FROM inventory.stock_levels s
            WHERE s.tenant_id = $1 AND s.warehouse_id = n.id AND s.product_id = d.product_id
        ), 0))
        FROM demand d
    )
    LIMIT 1
),
far_fit AS MATERIALIZED (
    SELECT w.id, w.name, w.location <-> $2 AS distance_m
    FROM (
        SELECT s.warehouse_id
        FROM demand d
        JOIN inventory.stock_levels s ON s.tenant_id = $1 AND s.product_id = d.product_id
        WHERE s.on_hand - s.reserved >= d.quantity
        GROUP BY s.warehouse_id
        HAVING count(*) = cardinality($3)
    ) AS fit
    JOIN inventory.warehouses w ON w.tenant_id = $1 AND w.id = fit.warehouse_id AND w.active
    WHERE NOT EXISTS (SELECT FROM near_fit)
    ORDER BY distance_m, w.id
    LIMIT 1
),
looked_at AS (
    SELECT n.id, n.name, n.distance_m
    FROM near n
    WHERE NOT EXISTS (SELECT FROM near_fit f WHERE (n.distance_m, n.id) > (f.distance_m, f.id))
    UNION ALL
    SELECT id, name, distance_m FROM far_fit
)
SELECT l.id, l.name, l.distance_m, ARRAY(
    SELECT coalesce((
        SELECT s.on_hand - s.reserved
        FROM inventory.stock_levels s
        WHERE s.tenant_id = $1 AND s.warehouse_id = l.id AND s.product_id = d.product_id
    ), 0)
    FROM demand d
    ORDER BY d.position
) AS available
FROM looked_at l
ORDER BY l.distance_m, l.id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Double)]
    distance_m: f64,
    #[diesel(sql_type = Array<Integer>)]
    available: Vec<i32>,
}

/// The active warehouses up to the nearest that can fill the demand, or the nearest ones when none can.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    destination: Location,
    demand: &Demand,
) -> Result<Vec<Candidate>, DbError> {
    let (products, quantities): (Vec<Uuid>, Vec<i32>) = demand
        .iter()
        .map(|(product, quantity)| (product.as_uuid(), quantity))
        .unzip();
    let rows: Vec<Row> = cached_sql(FIND)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Geography, _>(point(destination))
        .bind::<Array<SqlUuid>, _>(products)
        .bind::<Array<Integer>, _>(quantities)
        .load(connection)
        .await?;
    let candidate = |row: Row| Candidate {
        id: row.id.into(),
        name: row.name,
        distance_m: row.distance_m,
        available: row.available,
    };
    Ok(rows.into_iter().map(candidate).collect())
}
