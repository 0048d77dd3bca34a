//! `payments.gateway_events`: what gateways reported, and how far it has been applied.
//!
//! Times are the database's, because the clocks of the machines that run this program may differ.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, Purge, cached_sql, purge_of};
use oms_validation::TenantId;
use oms_work::{Lease, claim_sql, due_tenants_sql, postpone_sql};
use uuid::Uuid;

use super::unreadable;
use crate::{EventRelevance, GatewayEvent, GatewayEventId, NewGatewayEvent, Reference};

/// Stands for the database's own time.
const NOW: Option<DateTime<Utc>> = None;

/// Stores a gateway event; an ignored one counts as applied. Returns `false` if it was already stored.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &NewGatewayEvent,
) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO payments.gateway_events
             (tenant_id, gateway, event_id, type, reference, order_id, gateway_created_at, applied_at, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7,
             CASE WHEN $8 THEN now() END, CASE WHEN $8 THEN 'ignored' END)
         ON CONFLICT (tenant_id, gateway, event_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Text, _>(event.gateway.as_str())
    .bind::<Text, _>(event.id.as_str())
    .bind::<Text, _>(event.kind.as_str())
    .bind::<Nullable<Text>, _>(event.reference.as_ref().map(Reference::as_str))
    .bind::<Nullable<SqlUuid>, _>(event.order_id.map(|id| id.as_uuid()))
    .bind::<Timestamptz, _>(event.created_at)
    .bind::<Bool, _>(event.relevance == EventRelevance::Ignored)
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Returns which of these gateway events are stored.
pub(crate) async fn find_known(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    ids: &[GatewayEventId],
) -> Result<HashSet<GatewayEventId>, DbError> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Text)]
        event_id: String,
    }

    let ids: Vec<&str> = ids.iter().map(GatewayEventId::as_str).collect();
    let rows: Vec<Known> = cached_sql(
        "SELECT event_id FROM payments.gateway_events
         WHERE tenant_id = $1 AND gateway = $2 AND event_id = ANY ($3)",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Array<Text>, _>(ids)
    .load(connection)
    .await?;
    let id = |row: Known| GatewayEventId::parse(&row.event_id).map_err(unreadable);
    rows.into_iter().map(id).collect()
}

/// The tenant that has the payment with this reference. Takes one step in an index for each registered tenant.
pub(crate) async fn find_owner(
    connection: &mut Connection,
    gateway: &str,
    reference: &Reference,
) -> Result<Option<TenantId>, DbError> {
    let rows: Vec<TenantRow> = cached_sql(
        "-- across tenants: the gateway event names none
         SELECT t.tenant_id FROM tenancy.tenants t
         CROSS JOIN LATERAL (
             SELECT a.id FROM payments.attempts a
             WHERE a.tenant_id = t.tenant_id AND a.gateway = $1 AND a.reference = $2 LIMIT 1
         ) found
         LIMIT 1",
    )
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(reference.as_str())
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(|row| row.tenant_id.into()))
}

#[derive(QueryableByName)]
struct TenantRow {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

/// The tenants that have a gateway event due, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
) -> Result<Vec<TenantId>, DbError> {
    let question = due_tenants_sql!("payments.gateway_events", open "w.applied_at IS NULL");
    let due = oms_work::find_due_tenants(connection, &question, NOW).await?;
    Ok(due.into_iter().map(|due| due.tenant).collect())
}

/// Claims up to `limit` due gateway events of a tenant for the time of `lease`, longest overdue first.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant_id: TenantId,
    limit: usize,
    lease: Duration,
) -> Result<Vec<GatewayEvent>, DbError> {
    let rows: Vec<Row> = cached_sql(claim_sql!(
        "payments.gateway_events", key ("gateway", "event_id"), open "w.applied_at IS NULL",
        first "w.due_at, w.gateway_created_at", join "",
        returning "w.gateway, w.event_id, w.type AS kind, w.reference, w.order_id, w.gateway_created_at, w.claim, w.tries"
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(NOW)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    rows.into_iter().map(GatewayEvent::try_from).collect()
}

/// Finishes a gateway event. Returns `false` if it was already finished, or a later claim took it.
pub(crate) async fn finish(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &GatewayEvent,
    outcome: &str,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE payments.gateway_events SET applied_at = now(), outcome = $5
         WHERE tenant_id = $1 AND gateway = $2 AND event_id = $3 AND claim = $4 AND applied_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Text, _>(event.gateway.as_str())
    .bind::<Text, _>(event.id.as_str())
    .bind::<BigInt, _>(event.lease.claim)
    .bind::<Text, _>(outcome)
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Postpones a gateway event. Returns `false` in the same cases as [`finish`].
pub(crate) async fn postpone(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &GatewayEvent,
    delay: Duration,
    counts: bool,
) -> Result<bool, DbError> {
    let changed = cached_sql(postpone_sql!(
        "payments.gateway_events", key ("gateway" = "$6", "event_id" = "$7"), open "w.applied_at IS NULL", set ""
    ))
    .bind::<SqlUuid, _>(tenant_id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(NOW)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Bool, _>(counts)
    .bind::<BigInt, _>(event.lease.claim)
    .bind::<Text, _>(event.gateway.as_str())
    .bind::<Text, _>(event.id.as_str())
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Counts the gateway events that are due. Reads across tenants, in an index that holds only unapplied events.
pub(crate) async fn count_due(connection: &mut Connection) -> Result<u64, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        due: i64,
    }

    let statement = cached_sql(
        "-- across tenants: a gauge
         SELECT count(*) AS due FROM payments.gateway_events
         WHERE applied_at IS NULL AND due_at <= now()",
    );
    let counted: Counted = statement.get_result(connection).await?;
    Ok(counted.due.unsigned_abs())
}

/// Deletes gateway events that were applied long ago, and no others.
pub(crate) const APPLIED_LONG_AGO: Purge = purge_of!("payments.gateway_events" by "applied_at");

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    gateway: String,
    #[diesel(sql_type = Text)]
    event_id: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    order_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    gateway_created_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    claim: i64,
    #[diesel(sql_type = Integer)]
    tries: i32,
}

impl TryFrom<Row> for GatewayEvent {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            gateway: row.gateway,
            id: GatewayEventId::parse(&row.event_id).map_err(unreadable)?,
            kind: row.kind,
            reference: Reference::parse(&row.reference).map_err(unreadable)?,
            order_id: row.order_id.map(Into::into),
            created_at: row.gateway_created_at,
            lease: Lease::new(row.claim, row.tries),
        })
    }
}
