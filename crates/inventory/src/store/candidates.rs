//! Queries for the warehouses that could fill orders.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use postgis_diesel::sql_types::Geography;
use postgis_diesel::types::Point;
use uuid::Uuid;

use crate::domain::rivalry::Group;
use crate::domain::routing::Candidate;
use crate::store::point;

/// `$1` is the tenant, `$2` the destinations, `$3` and `$4` the first and last index of each one's products in `$5`.
///
/// `WITH TIES` includes all warehouses at the last distance, so that the lowest ID wins among them. The scalar subquery
/// makes the planner look up each stock level by its full key, whatever its row estimates.
const FIND_NEAREST: &str = "
SELECT wanted.number, near.id, near.name, near.distance_m, ARRAY(
    SELECT coalesce((
        SELECT greatest(s.on_hand - s.reserved - s.backordered - s.quarantined - s.safety_stock, 0)
        FROM inventory.stock_levels s
        WHERE s.tenant_id = $1 AND s.warehouse_id = near.id AND s.product_id = d.product_id
    ), 0)
    FROM unnest(($5::uuid[])[wanted.first : wanted.last]) WITH ORDINALITY AS d (product_id, position)
    ORDER BY d.position
) AS available
FROM unnest($2, $3::integer[], $4::integer[]) WITH ORDINALITY AS wanted (destination, first, last, number)
CROSS JOIN LATERAL (
    SELECT w.id, w.name, w.location <-> wanted.destination AS distance_m
    FROM inventory.warehouses w
    WHERE w.tenant_id = $1 AND w.active
    ORDER BY w.location <-> wanted.destination
    FETCH FIRST $6 ROWS WITH TIES
) AS near";

/// Like [`FIND_NEAREST`]; `$6` are the quantities of the products, `$7` the maximum warehouses per destination.
const FIND_STOCKED: &str = "
SELECT wanted.number, stocked.id, stocked.name, stocked.distance_m, stocked.available
FROM unnest($2, $3::integer[], $4::integer[], $7::bigint[]) WITH ORDINALITY
    AS wanted (destination, first, last, most, number)
CROSS JOIN LATERAL (
    SELECT w.id, w.name, w.location <-> wanted.destination AS distance_m, fit.available
    FROM (
        SELECT s.warehouse_id, array_agg(
            s.on_hand - s.reserved - s.backordered - s.quarantined - s.safety_stock ORDER BY d.position
        ) AS available
        FROM unnest(($5::uuid[])[wanted.first : wanted.last], ($6::integer[])[wanted.first : wanted.last])
            WITH ORDINALITY AS d (product_id, quantity, position)
        JOIN inventory.stock_levels s
            ON s.tenant_id = $1 AND s.product_id = d.product_id AND s.on_hand > 0
        WHERE s.on_hand - s.reserved - s.backordered - s.quarantined - s.safety_stock >= d.quantity
        GROUP BY s.warehouse_id
        HAVING count(*) = wanted.last - wanted.first + 1
    ) AS fit
    JOIN inventory.warehouses w ON w.tenant_id = $1 AND w.id = fit.warehouse_id AND w.active
    ORDER BY distance_m, w.id
    LIMIT wanted.most
) AS stocked";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Double)]
    distance_m: f64,
    #[diesel(sql_type = Array<Integer>)]
    available: Vec<i32>,
}

/// Returns the `most` active warehouses nearest to each group's destination, and those at the distance of the last,
/// unordered.
pub(crate) fn find_nearest<'q>(
    tenant: TenantId,
    groups: &[&Group<'_>],
    most: usize,
) -> Statement<'q, Vec<Vec<Candidate>>> {
    let (wanted, count) = (Wanted::by(groups), groups.len());
    cached_sql(FIND_NEAREST)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Geography>, _>(wanted.destinations)
        .bind::<Array<Integer>, _>(wanted.first)
        .bind::<Array<Integer>, _>(wanted.last)
        .bind::<Array<SqlUuid>, _>(wanted.products)
        .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
        .rows()
        .map(move |rows| by_group(rows, count))
}

/// Returns the nearest active warehouses that can fill each group's demand, unordered. The maximum for a group is one
/// more than its number of rivals.
pub(crate) async fn find_stocked(
    connection: &mut Connection,
    tenant: TenantId,
    groups: &[&Group<'_>],
) -> Result<Vec<Vec<Candidate>>, DbError> {
    let wanted = Wanted::by(groups);
    let most = groups
        .iter()
        .map(|group| i64::try_from(group.rivals + 1).unwrap_or(i64::MAX));
    let most: Vec<i64> = most.collect();
    let rows: Vec<Row> = cached_sql(FIND_STOCKED)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Geography>, _>(wanted.destinations)
        .bind::<Array<Integer>, _>(wanted.first)
        .bind::<Array<Integer>, _>(wanted.last)
        .bind::<Array<SqlUuid>, _>(wanted.products)
        .bind::<Array<Integer>, _>(wanted.quantities)
        .bind::<Array<BigInt>, _>(most)
        .load(connection)
        .await?;
    Ok(by_group(rows, groups.len()))
}

/// The groups as parallel arrays. PostgreSQL has no arrays of arrays with different lengths, so one array holds the
/// products of all groups, and each group has the first and last index of its products.
#[derive(Default)]
struct Wanted {
    destinations: Vec<Point>,
    first: Vec<i32>,
    last: Vec<i32>,
    products: Vec<Uuid>,
    quantities: Vec<i32>,
}

impl Wanted {
    fn by(groups: &[&Group<'_>]) -> Self {
        let mut wanted = Self::default();
        let mut end = 0;
        for group in groups {
            let demand = group.request.demand;
            wanted.destinations.push(point(group.request.destination));
            wanted.first.push(end + 1);
            for (product, quantity) in demand.iter() {
                wanted.products.push(product.as_uuid());
                wanted.quantities.push(quantity);
                end += 1;
            }
            wanted.last.push(end);
        }
        wanted
    }
}

fn by_group(rows: Vec<Row>, groups: usize) -> Vec<Vec<Candidate>> {
    let mut found = vec![Vec::new(); groups];
    for row in rows {
        let group = usize::try_from(row.number - 1).ok();
        let candidates = group.and_then(|group| found.get_mut(group));
        candidates
            .expect("the statement returns only the numbers of given groups")
            .push(Candidate {
                id: row.id.into(),
                name: row.name,
                distance_m: row.distance_m,
                available: row.available,
            });
    }
    found
}
