//! How far the comparison with a gateway's books has come, and who is at it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::domain::clock::Now;

/// A comparison that was taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Up to when it has come before.
    pub(crate) reconciled_until: DateTime<Utc>,
    /// When it was taken on.
    pub(crate) claimed_at: DateTime<Utc>,
    /// Tells this claim from a later one, to which it may have been lost.
    number: i64,
}

/// Takes the comparison on for the time of `lease`, if it is due. The first begins now.
pub(crate) async fn claim(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    lease: Duration,
) -> Result<Option<Claim>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Timestamptz)]
        reconciled_until: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        claimed_at: DateTime<Utc>,
        #[diesel(sql_type = BigInt)]
        claims: i64,
    }

    let rows: Vec<Row> = cached_sql(
        "INSERT INTO orders.reconciliation_progress AS p (tenant_id, gateway, reconciled_until, due_at, claims)
         VALUES ($1, $2, coalesce($4, now()), coalesce($4, now()) + make_interval(secs => $3), 1)
         ON CONFLICT (tenant_id, gateway) DO UPDATE SET due_at = excluded.due_at, claims = p.claims + 1
             WHERE p.due_at <= coalesce($4, now())
         RETURNING p.reconciled_until, coalesce($4, now()) AS claimed_at, p.claims",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(|row| Claim {
        reconciled_until: row.reconciled_until,
        claimed_at: row.claimed_at,
        number: row.claims,
    }))
}

/// Moves the end of a claim, or when it is due again: `delay` from now. False when it was lost to a later one.
pub(crate) async fn postpone(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    claim: &Claim,
    delay: Duration,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE orders.reconciliation_progress
         SET due_at = coalesce($5, now()) + make_interval(secs => $4)
         WHERE tenant_id = $1 AND gateway = $2 AND claims = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<BigInt, _>(claim.number)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// Ends a claim: everything up to `until` was compared. Due again after `delay`. False when it was lost to a later one.
pub(crate) async fn finish(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    claim: &Claim,
    until: DateTime<Utc>,
    delay: Duration,
) -> Result<bool, DbError> {
    let changed = cached_sql(
        "UPDATE orders.reconciliation_progress
         SET reconciled_until = greatest(reconciled_until, $4), due_at = coalesce($6, now()) + make_interval(secs => $5)
         WHERE tenant_id = $1 AND gateway = $2 AND claims = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<BigInt, _>(claim.number)
    .bind::<Timestamptz, _>(until)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(changed == 1)
}

/// For how long nothing was compared; none before the first time.
pub(crate) async fn find_age(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
) -> Result<Option<Duration>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Double)]
        age_s: f64,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT extract(epoch FROM coalesce($3, now()) - reconciled_until)::float8 AS age_s
         FROM orders.reconciliation_progress WHERE tenant_id = $1 AND gateway = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let age = |row: Row| Duration::try_from_secs_f64(row.age_s).unwrap_or_default();
    Ok(rows.into_iter().next().map(age))
}
