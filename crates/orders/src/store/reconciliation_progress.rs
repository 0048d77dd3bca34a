//! The progress of reverse reconciliation for each tenant, and which instance is comparing.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::clock::Now;

/// Tenants that were claimed together, because all of them have been compared up to the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The time up to which they were compared before.
    pub(crate) reconciled_until: DateTime<Utc>,
    /// When they were claimed.
    pub(crate) claimed_at: DateTime<Utc>,
    /// The tenants, each with the number of this claim. A later claim has another number.
    numbers: Vec<(TenantId, i64)>,
}

impl Claim {
    pub(crate) fn tenants(&self) -> impl Iterator<Item = TenantId> {
        self.numbers.iter().map(|(tenant, _)| *tenant)
    }

    /// The claims of some of its tenants.
    pub(crate) fn of(&self, tenants: &BTreeSet<TenantId>) -> Self {
        let mut claim = self.clone();
        claim.numbers.retain(|(tenant, _)| tenants.contains(tenant));
        claim
    }

    fn columns(&self) -> (Vec<Uuid>, Vec<i64>) {
        let columns = self
            .numbers
            .iter()
            .map(|(tenant, it)| (tenant.as_uuid(), *it));
        columns.unzip()
    }
}

/// Adds the tenants that were never compared. Their comparison starts now.
pub(crate) async fn add(
    connection: &mut Connection,
    now: Now,
    gateway: &str,
    tenants: &BTreeSet<TenantId>,
) -> Result<(), DbError> {
    cached_sql(
        "-- writes across tenants: those that were never compared begin together, so that the gateway's list is read once
         INSERT INTO orders.reconciliation_progress (tenant_id, gateway, reconciled_until, due_at, claims)
         SELECT t.tenant_id, $2, greatest($3, now()), greatest($3, now()), 1
         FROM tenancy.tenants t WHERE t.tenant_id = ANY ($1) ORDER BY t.tenant_id
         ON CONFLICT (tenant_id, gateway) DO NOTHING",
    )
    .bind::<Array<SqlUuid>, _>(ids(tenants))
    .bind::<Text, _>(gateway)
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims the tenant that has been due for longest, under a lease, together with the due tenants that have been
/// compared up to the same time: one reading of the gateway's list serves all of them. Returns `None` if none is due.
pub(crate) async fn claim(
    connection: &mut Connection,
    now: Now,
    gateway: &str,
    tenants: &BTreeSet<TenantId>,
    lease: Duration,
) -> Result<Option<Claim>, DbError> {
    #[derive(QueryableByName)]
    struct LongestDue {
        #[diesel(sql_type = Timestamptz)]
        reconciled_until: DateTime<Utc>,
    }
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
        #[diesel(sql_type = Timestamptz)]
        due_at: DateTime<Utc>,
        #[diesel(sql_type = BigInt)]
        claims: i64,
    }

    let longest_due: Vec<LongestDue> = cached_sql(
        "-- across tenants: which of them has been due for longest
         SELECT reconciled_until FROM orders.reconciliation_progress
         WHERE tenant_id = ANY ($1) AND gateway = $2 AND due_at <= greatest($3, now())
         ORDER BY due_at, tenant_id LIMIT 1",
    )
    .bind::<Array<SqlUuid>, _>(ids(tenants))
    .bind::<Text, _>(gateway)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let Some(&LongestDue { reconciled_until }) = longest_due.as_slice().first() else {
        return Ok(None);
    };
    // An instance that claims the same tenants waits for the rows, finds that they are no longer due, and claims none.
    let rows: Vec<Row> = cached_sql(
        "-- writes across tenants: they are compared together, so that the gateway's list is read once
         UPDATE orders.reconciliation_progress p
         SET due_at = greatest($4, now()) + make_interval(secs => $3), claims = p.claims + 1
         WHERE p.tenant_id = ANY ($1) AND p.gateway = $2 AND p.due_at <= greatest($4, now())
             AND p.reconciled_until = $5
         RETURNING p.tenant_id, p.due_at, p.claims",
    )
    .bind::<Array<SqlUuid>, _>(ids(tenants))
    .bind::<Text, _>(gateway)
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Timestamptz, _>(reconciled_until)
    .load(connection)
    .await?;
    let Some(first) = rows.as_slice().first() else {
        return Ok(None);
    };
    let claimed_at = first.due_at - TimeDelta::from_std(lease).unwrap_or_default();
    let numbers = rows
        .iter()
        .map(|row| (row.tenant_id.into(), row.claims))
        .collect();
    Ok(Some(Claim {
        reconciled_until,
        claimed_at,
        numbers,
    }))
}

/// Moves the expiry of a claim, or the time when its tenants are due again, to `delay` from now. Returns `false` if
/// later claims took some of the tenants.
pub(crate) async fn postpone(
    connection: &mut Connection,
    now: Now,
    gateway: &str,
    claim: &Claim,
    delay: Duration,
) -> Result<bool, DbError> {
    let (tenants, numbers) = claim.columns();
    let changed = cached_sql(
        "-- writes across tenants: they are compared together
         UPDATE orders.reconciliation_progress p
         SET due_at = greatest($5, now()) + make_interval(secs => $4)
         FROM unnest($1::uuid[], $2::bigint[]) AS claimed (tenant_id, claims)
         WHERE p.tenant_id = claimed.tenant_id AND p.gateway = $3 AND p.claims = claimed.claims",
    )
    .bind::<Array<SqlUuid>, _>(tenants)
    .bind::<Array<BigInt>, _>(numbers)
    .bind::<Text, _>(gateway)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(changed == claim.numbers.len())
}

/// Ends a claim: its tenants were compared up to `until`, and are due again after `delay`. Does nothing for tenants
/// that a later claim took.
pub(crate) async fn finish(
    connection: &mut Connection,
    now: Now,
    gateway: &str,
    claim: &Claim,
    until: DateTime<Utc>,
    delay: Duration,
) -> Result<(), DbError> {
    let (tenants, numbers) = claim.columns();
    cached_sql(
        "-- writes across tenants: they are compared together
         UPDATE orders.reconciliation_progress p
         SET reconciled_until = greatest(p.reconciled_until, $4),
             due_at = greatest($6, now()) + make_interval(secs => $5)
         FROM unnest($1::uuid[], $2::bigint[]) AS claimed (tenant_id, claims)
         WHERE p.tenant_id = claimed.tenant_id AND p.gateway = $3 AND p.claims = claimed.claims",
    )
    .bind::<Array<SqlUuid>, _>(tenants)
    .bind::<Array<BigInt>, _>(numbers)
    .bind::<Text, _>(gateway)
    .bind::<Timestamptz, _>(until)
    .bind::<Double, _>(delay.as_secs_f64())
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Time since the last completed comparison of the tenant that is furthest behind; `None` before the first comparison.
pub(crate) async fn find_age(
    connection: &mut Connection,
    now: Now,
    gateway: &str,
    tenants: &BTreeSet<TenantId>,
) -> Result<Option<Duration>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Double>)]
        age_s: Option<f64>,
    }

    let row: Row = cached_sql(
        "-- across tenants: a gauge
         SELECT extract(epoch FROM greatest($3, now()) - min(reconciled_until))::float8 AS age_s
         FROM orders.reconciliation_progress WHERE tenant_id = ANY ($1) AND gateway = $2",
    )
    .bind::<Array<SqlUuid>, _>(ids(tenants))
    .bind::<Text, _>(gateway)
    .bind::<Nullable<Timestamptz>, _>(now)
    .get_result(connection)
    .await?;
    let age = row.age_s;
    Ok(age.map(|age_s| Duration::try_from_secs_f64(age_s).unwrap_or_default()))
}

fn ids(tenants: &BTreeSet<TenantId>) -> Vec<Uuid> {
    tenants.iter().map(|tenant| tenant.as_uuid()).collect()
}
