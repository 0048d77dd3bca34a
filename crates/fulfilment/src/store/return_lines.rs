//! The lines of returns.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::returns::Return;
use crate::domain::returns::line::ReturnLine;
use crate::domain::returns::words::ReturnReason;
use crate::store::grouped;

/// Inserts the lines of a new return.
pub(super) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    new: &Return,
) -> Result<(), DbError> {
    let column = |of: fn(&ReturnLine) -> i32| new.lines.iter().map(of).collect::<Vec<i32>>();
    let products: Vec<Uuid> = new.lines.iter().map(|it| it.product_id.as_uuid()).collect();
    let reasons: Vec<&str> = new.lines.iter().map(|it| it.reason.as_str()).collect();
    cached_sql(
        "INSERT INTO fulfilment.return_lines
             (tenant_id, return_id, line_number, product_id, quantity, reason, accepted)
         SELECT t.tenant_id, $2, n.line_number, n.product_id, n.quantity, n.reason, n.accepted
         FROM tenancy.tenants t
         CROSS JOIN unnest($3::integer[], $4::uuid[], $5::integer[], $6::text[], $7::integer[])
             AS n (line_number, product_id, quantity, reason, accepted)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(new.id.as_uuid())
    .bind::<Array<Integer>, _>(column(|line| line.number))
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(column(|line| line.quantity))
    .bind::<Array<Text>, _>(reasons)
    .bind::<Array<Integer>, _>(column(|line| line.accepted))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the units of the lines of a locked return.
pub(super) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    changed: &Return,
) -> Result<(), DbError> {
    let column = |of: fn(&ReturnLine) -> i32| changed.lines.iter().map(of).collect::<Vec<i32>>();
    cached_sql(
        "UPDATE fulfilment.return_lines l
         SET restocked = n.restocked, quarantined = n.quarantined, discarded = n.discarded, missing = n.missing,
             accepted = n.accepted
         FROM unnest($3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::integer[])
             AS n (line_number, restocked, quarantined, discarded, missing, accepted)
         WHERE l.tenant_id = $1 AND l.return_id = $2 AND l.line_number = n.line_number
             AND (l.restocked, l.quarantined, l.discarded, l.missing, l.accepted)
                 <> (n.restocked, n.quarantined, n.discarded, n.missing, n.accepted)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(changed.id.as_uuid())
    .bind::<Array<Integer>, _>(column(|line| line.number))
    .bind::<Array<Integer>, _>(column(|line| line.restocked))
    .bind::<Array<Integer>, _>(column(|line| line.quarantined))
    .bind::<Array<Integer>, _>(column(|line| line.discarded))
    .bind::<Array<Integer>, _>(column(|line| line.missing))
    .bind::<Array<Integer>, _>(column(|line| line.accepted))
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the lines of returns, ordered by number.
pub(crate) fn find<'q>(
    tenant: TenantId,
    returns: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<ReturnLine>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        return_id: Uuid,
        #[diesel(sql_type = Integer)]
        line_number: i32,
        #[diesel(sql_type = SqlUuid)]
        product_id: Uuid,
        #[diesel(sql_type = Integer)]
        quantity: i32,
        #[diesel(sql_type = Text)]
        reason: String,
        #[diesel(sql_type = Integer)]
        restocked: i32,
        #[diesel(sql_type = Integer)]
        quarantined: i32,
        #[diesel(sql_type = Integer)]
        discarded: i32,
        #[diesel(sql_type = Integer)]
        missing: i32,
        #[diesel(sql_type = Integer)]
        accepted: i32,
    }

    cached_sql(
        "SELECT return_id, line_number, product_id, quantity, reason, restocked, quarantined, discarded, missing,
                accepted
         FROM fulfilment.return_lines
         WHERE tenant_id = $1 AND return_id = ANY ($2) ORDER BY return_id, line_number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(returns.to_vec())
    .rows::<Row>()
    .map(|rows| {
        let line = |row: Row| {
            let line = ReturnLine {
                number: row.line_number,
                product_id: row.product_id.into(),
                quantity: row.quantity,
                reason: ReturnReason::stored(&row.reason),
                restocked: row.restocked,
                quarantined: row.quarantined,
                discarded: row.discarded,
                missing: row.missing,
                accepted: row.accepted,
            };
            (row.return_id, line)
        };
        grouped(rows.into_iter().map(line))
    })
}
