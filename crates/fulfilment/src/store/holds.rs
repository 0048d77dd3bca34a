//! Holds on fulfilment orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::hold::{Hold, HoldHandle, HoldReason, NewHold};
use crate::domain::id::FulfilmentOrderId;
use crate::domain::text::Note;
use crate::store::{Now, grouped};

/// Inserts a hold on a locked fulfilment order. Returns `false` if it has one with this handle, which stays as it is.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FulfilmentOrderId,
    hold: &NewHold,
    actor: &str,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, note, actor, held_at)
         VALUES ($1, $2, $3, $4, $5, $6, greatest($7, now()))
         ON CONFLICT (tenant_id, fulfilment_order_id, handle) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(hold.handle.as_str())
    .bind::<Text, _>(hold.reason.as_str())
    .bind::<Nullable<Text>, _>(hold.note.as_ref().map(Note::as_str))
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Inserts the same hold on fulfilment orders that have no hold yet.
pub(crate) async fn insert_all(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
    hold: &NewHold,
    actor: &str,
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, note, actor, held_at)
         SELECT f.tenant_id, f.id, $3, $4, $5, $6, greatest($7, now())
         FROM fulfilment.fulfilment_orders f
         WHERE f.tenant_id = $1 AND f.id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Text, _>(hold.handle.as_str())
    .bind::<Text, _>(hold.reason.as_str())
    .bind::<Nullable<Text>, _>(hold.note.as_ref().map(Note::as_str))
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a hold. Returns `false` if there was none with this handle.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    id: FulfilmentOrderId,
    handle: &HoldHandle,
) -> Result<bool, DbError> {
    let deleted = cached_sql(
        "DELETE FROM fulfilment.holds WHERE tenant_id = $1 AND fulfilment_order_id = $2 AND handle = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(handle.as_str())
    .execute(connection)
    .await?;
    Ok(deleted == 1)
}

/// Returns the holds of fulfilment orders, ordered by handle.
pub(crate) fn find<'q>(
    tenant: TenantId,
    fulfilment_orders: &[Uuid],
) -> Statement<'q, HashMap<Uuid, Vec<Hold>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        fulfilment_order_id: Uuid,
        #[diesel(sql_type = Text)]
        handle: String,
        #[diesel(sql_type = Text)]
        reason: String,
        #[diesel(sql_type = Nullable<Text>)]
        note: Option<String>,
        #[diesel(sql_type = Text)]
        actor: String,
        #[diesel(sql_type = Timestamptz)]
        held_at: DateTime<Utc>,
    }

    cached_sql(
        "SELECT fulfilment_order_id, handle, reason, note, actor, held_at FROM fulfilment.holds
         WHERE tenant_id = $1 AND fulfilment_order_id = ANY ($2) ORDER BY fulfilment_order_id, handle",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(fulfilment_orders.to_vec())
    .rows::<Row>()
    .map(|rows| {
        let hold = |row: Row| {
            let hold = Hold {
                handle: HoldHandle::stored(row.handle),
                reason: HoldReason::stored(&row.reason),
                note: row.note.map(Note::stored),
                actor: row.actor,
                held_at: row.held_at,
            };
            (row.fulfilment_order_id, hold)
        };
        grouped(rows.into_iter().map(hold))
    })
}
