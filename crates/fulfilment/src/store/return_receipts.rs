//! What arrived of returns: append-only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::id::ReturnId;
use crate::domain::returns::Receipt;
use crate::domain::returns::line::Received;
use crate::store::{Now, grouped};

/// The units of a line, as stored.
#[derive(Serialize, Deserialize)]
struct StoredLine {
    line: i32,
    #[serde(flatten)]
    units: Received,
}

/// Appends a receipt. Its time is the present.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    return_id: ReturnId,
    receipt: &Receipt,
) -> Result<(), DbError> {
    let line = |(line, units): (&i32, &Received)| {
        serde_json::to_value(StoredLine {
            line: *line,
            units: *units,
        })
    };
    let lines: Result<Vec<Value>, _> = receipt.lines.iter().map(line).collect();
    let lines = Value::Array(lines.expect("numbers are JSON"));
    cached_sql(
        "INSERT INTO fulfilment.return_receipts (tenant_id, return_id, id, warehouse_id, lines, actor, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, greatest($7, now()))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(return_id.as_uuid())
    .bind::<SqlUuid, _>(receipt.id.as_uuid())
    .bind::<SqlUuid, _>(receipt.warehouse_id.as_uuid())
    .bind::<Jsonb, _>(lines)
    .bind::<Text, _>(&receipt.actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the receipts of returns, oldest first.
pub(crate) fn find<'q>(
    tenant: TenantId,
    returns: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<Receipt>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        return_id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
        #[diesel(sql_type = Jsonb)]
        lines: Value,
        #[diesel(sql_type = Text)]
        actor: String,
        #[diesel(sql_type = Timestamptz)]
        received_at: DateTime<Utc>,
    }

    cached_sql(
        "SELECT return_id, id, warehouse_id, lines, actor, received_at FROM fulfilment.return_receipts
         WHERE tenant_id = $1 AND return_id = ANY ($2) ORDER BY return_id, id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(returns.to_vec())
    .rows::<Row>()
    .map(|rows| {
        let receipt = |row: Row| {
            // What a newer version of the program writes about a receipt does not hide the others.
            let lines: Vec<StoredLine> = serde_json::from_value(row.lines).unwrap_or_default();
            let receipt = Receipt {
                id: row.id.into(),
                warehouse_id: row.warehouse_id.into(),
                lines: lines.into_iter().map(|it| (it.line, it.units)).collect(),
                actor: row.actor,
                received_at: row.received_at,
            };
            (row.return_id, receipt)
        };
        grouped(rows.into_iter().map(receipt))
    })
}
