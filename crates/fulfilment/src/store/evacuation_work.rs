//! The work list of evacuations, for the worker that moves the open work of their warehouses.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId, WarehouseId};
use oms_work::{DueTenant, claim_sql, due_tenants_sql};
use uuid::Uuid;

use crate::domain::evacuation::{
    ClaimedEvacuation, EvacuatedOrder, EvacuationOutcome, WorkPosition,
};
use crate::domain::id::{EvacuationId, FulfilmentOrderId};
use crate::store::{Now, row_limit};

/// The tenants with an evacuation due, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("fulfilment.evacuations", open "w.due_at IS NOT NULL");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// Claims up to `limit` due evacuations of a tenant under a lease, longest overdue first.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    (lease, quiet): (Duration, Duration),
) -> Result<Vec<ClaimedEvacuation>, DbError> {
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        warehouse_id: Uuid,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        after_due_at: Option<DateTime<Utc>>,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        after_id: Option<Uuid>,
        #[diesel(sql_type = Bool)]
        passed_over: bool,
        #[diesel(sql_type = Timestamptz)]
        progressed_at: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = BigInt)]
        claim: i64,
    }

    let claimed: Vec<Claimed> = cached_sql(claim_sql!(
        "fulfilment.evacuations", key ("id"), open "w.due_at IS NOT NULL", first "w.due_at", join "",
        returning "w.id, w.warehouse_id, w.after_due_at, w.after_id, w.passed_over, w.claim, w.progressed_at, w.due_at"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(row_limit(limit))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(connection)
    .await?;
    let evacuation = |row: Claimed| ClaimedEvacuation {
        id: row.id.into(),
        warehouse_id: row.warehouse_id.into(),
        after: row
            .after_due_at
            .zip(row.after_id.map(FulfilmentOrderId::from)),
        passed_over: row.passed_over,
        is_quiet: row.progressed_at + quiet <= row.due_at - lease,
        claim: row.claim,
    };
    Ok(claimed.into_iter().map(evacuation).collect())
}

/// Locks a claimed evacuation until the transaction ends. Returns `false` if a later claim took it, or if it was
/// stopped.
pub(crate) async fn lock_claimed(
    connection: &mut Connection,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
) -> Result<bool, DbError> {
    let held = cached_sql(
        "SELECT id FROM fulfilment.evacuations
         WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<BigInt, _>(claimed.claim)
    .execute(connection)
    .await?;
    Ok(held > 0)
}

/// The open fulfilment orders of a warehouse after a position, as its work list orders them, without those that the
/// evacuation has dealt with.
pub(crate) async fn find_next(
    connection: &mut Connection,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
    limit: usize,
) -> Result<Vec<WorkPosition>, DbError> {
    #[derive(QueryableByName)]
    struct Next {
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let (due_at, id) = claimed.after.unzip();
    let next: Vec<Next> = cached_sql(
        "SELECT coalesce(f.ship_by, f.created_at) AS due_at, f.id
         FROM fulfilment.fulfilment_orders f
         WHERE f.tenant_id = $1 AND f.warehouse_id = $2 AND f.closed_at IS NULL
           AND ($4 IS NULL OR (coalesce(f.ship_by, f.created_at), f.id) > ($4, $5))
           AND NOT EXISTS (SELECT FROM fulfilment.evacuated_orders e
                           WHERE e.tenant_id = $1 AND e.evacuation_id = $3 AND e.fulfilment_order_id = f.id
                             AND e.outcome = 'held')
         ORDER BY coalesce(f.ship_by, f.created_at), f.id LIMIT $6",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.warehouse_id.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(due_at)
    .bind::<Nullable<SqlUuid>, _>(id.map(|id| id.as_uuid()))
    .bind::<BigInt, _>(row_limit(limit))
    .load(connection)
    .await?;
    let next = next.into_iter();
    Ok(next.map(|row| (row.due_at, row.id.into())).collect())
}

/// The orders that have something left to send in a warehouse.
pub(crate) async fn find_orders_to_evacuate(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse: WarehouseId,
) -> Result<BTreeSet<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let rows: Vec<Found> = cached_sql(
        "SELECT order_id FROM fulfilment.fulfilment_orders
         WHERE tenant_id = $1 AND warehouse_id = $2 AND closed_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(warehouse.as_uuid())
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.order_id.into()).collect())
}

/// Records what a claimed evacuation did with a fulfilment order. One that was moved may be there again, because a shipment
/// of it was cancelled or it was moved back.
pub(crate) async fn record(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: EvacuationId,
    done: &EvacuatedOrder,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO fulfilment.evacuated_orders
             (tenant_id, evacuation_id, fulfilment_order_id, order_id, outcome, reason, move_id, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, greatest($8, now()))
         ON CONFLICT (tenant_id, evacuation_id, fulfilment_order_id) DO UPDATE
         SET outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, move_id = EXCLUDED.move_id,
             recorded_at = EXCLUDED.recorded_at",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(done.fulfilment_order_id.as_uuid())
    .bind::<SqlUuid, _>(done.order_id.as_uuid())
    .bind::<Text, _>(done.outcome.as_str())
    .bind::<Nullable<Text>, _>(done.reason.as_deref())
    .bind::<Nullable<SqlUuid>, _>(done.move_id.map(|id| id.as_uuid()))
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    let moved = i32::from(done.outcome == EvacuationOutcome::Moved);
    cached_sql(
        "UPDATE fulfilment.evacuations
         SET moved = moved + $3, held = held + $4, progressed_at = greatest($5, now())
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Integer, _>(moved)
    .bind::<Integer, _>(1 - moved)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes a claimed evacuation due after a pause, with the position of its pass. Does nothing if a later claim took it.
pub(crate) async fn go_on(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    claimed: &ClaimedEvacuation,
    pause: Duration,
) -> Result<(), DbError> {
    let (due_at, id) = claimed.after.unzip();
    cached_sql(
        "UPDATE fulfilment.evacuations
         SET after_due_at = $4, after_id = $5, passed_over = $6,
             due_at = greatest($7, now()) + make_interval(secs => $8)
         WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<BigInt, _>(claimed.claim)
    .bind::<Nullable<Timestamptz>, _>(due_at)
    .bind::<Nullable<SqlUuid>, _>(id.map(|id| id.as_uuid()))
    .bind::<Bool, _>(claimed.passed_over)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(pause.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// Finishes a claimed evacuation that has been quiet for some time. Returns `false` if it has not, or if a later claim
/// took it.
pub(crate) async fn finish(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    claimed: &ClaimedEvacuation,
    quiet: Duration,
) -> Result<bool, DbError> {
    let finished = cached_sql(
        "UPDATE fulfilment.evacuations
         SET after_due_at = NULL, after_id = NULL, due_at = NULL, finished_at = greatest($4, now())
         WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND due_at IS NOT NULL
           AND progressed_at <= greatest($4, now()) - make_interval(secs => $5)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .bind::<BigInt, _>(claimed.claim)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(quiet.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(finished == 1)
}

/// Whether the newest evacuation of a warehouse is finished, or has put this fulfilment order on hold and is not stopped.
pub(crate) async fn has_evacuated(
    connection: &mut Connection,
    tenant: TenantId,
    (warehouse, id): (WarehouseId, FulfilmentOrderId),
) -> Result<bool, DbError> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = Bool)]
        has_evacuated: bool,
    }

    let newest: Vec<Newest> = cached_sql(
        "SELECT e.finished_at IS NOT NULL OR (e.due_at IS NOT NULL AND EXISTS (
                    SELECT FROM fulfilment.evacuated_orders o
                    WHERE o.tenant_id = $1 AND o.evacuation_id = e.id AND o.fulfilment_order_id = $3
                      AND o.outcome = 'held')) AS has_evacuated
         FROM fulfilment.evacuations e WHERE e.tenant_id = $1 AND e.warehouse_id = $2 ORDER BY e.id DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(warehouse.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    Ok(newest.iter().any(|it| it.has_evacuated))
}

/// The longest time for which an evacuation in progress has neither moved nor held anything.
pub(crate) async fn longest_standstill(
    connection: &mut Connection,
    now: Now,
) -> Result<Option<Duration>, DbError> {
    #[derive(QueryableByName)]
    struct Longest {
        #[diesel(sql_type = Nullable<Double>)]
        age_s: Option<f64>,
    }

    let longest: Longest = cached_sql(
        "-- across tenants: a gauge
         SELECT extract(epoch FROM greatest($1, now()) - min(progressed_at))::float8 AS age_s
         FROM fulfilment.evacuations WHERE due_at IS NOT NULL",
    )
    .bind::<Nullable<Timestamptz>, _>(now)
    .get_result(connection)
    .await?;
    let age = |age_s| Duration::try_from_secs_f64(age_s).unwrap_or_default();
    Ok(longest.age_s.map(age))
}
