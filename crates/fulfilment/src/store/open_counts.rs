//! The numbers of open fulfilment orders.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};

use crate::domain::hold::REROUTING;
use crate::store::Now;

/// Counts the open fulfilment orders of all tenants by the status that clients see.
pub(crate) async fn count(
    connection: &mut Connection,
    now: Now,
) -> Result<HashMap<String, u64>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        shown: String,
        #[diesel(sql_type = BigInt)]
        open: i64,
    }

    let rows: Vec<Row> = cached_sql(
        "-- across tenants: a gauge
         SELECT CASE WHEN h.fulfilment_order_id IS NOT NULL THEN 'ON_HOLD'
                     WHEN f.not_before > greatest($1, now()) THEN 'SCHEDULED'
                     ELSE f.status END AS shown,
                count(*) AS open
         FROM fulfilment.fulfilment_orders f
         LEFT JOIN (SELECT DISTINCT tenant_id, fulfilment_order_id FROM fulfilment.holds) h
             ON h.tenant_id = f.tenant_id AND h.fulfilment_order_id = f.id
         WHERE f.closed_at IS NULL
         GROUP BY 1",
    )
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let count = |row: Row| (row.shown, row.open.unsigned_abs());
    Ok(rows.into_iter().map(count).collect())
}

/// Counts the open fulfilment orders of all tenants that are on hold because no warehouse can send them.
pub(crate) async fn count_unroutable(connection: &mut Connection) -> Result<u64, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        held: i64,
    }

    let row: Row = cached_sql(
        "-- across tenants: a gauge
         SELECT count(*) AS held
         FROM fulfilment.holds h
         JOIN fulfilment.fulfilment_orders f ON f.tenant_id = h.tenant_id AND f.id = h.fulfilment_order_id
         WHERE h.handle = $1 AND f.closed_at IS NULL",
    )
    .bind::<Text, _>(REROUTING)
    .get_result(connection)
    .await?;
    Ok(row.held.unsigned_abs())
}
