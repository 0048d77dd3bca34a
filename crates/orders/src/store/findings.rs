//! The differences between the gateway's books and ours: at most one of each kind for each charge or payment.

mod reading;
mod reported;

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_payments::{ChargeId, Reference};
use oms_validation::{InstallationId, Money, TenantId};
use oms_work::{DueTenant, claim_sql, due_tenants_sql, postpone_sql};
use serde_json::json;
use uuid::Uuid;

use crate::domain::actor::RECONCILER;
use crate::domain::clock::Now;
use crate::domain::finding::{Finding, FindingAction, FindingKind};
use crate::domain::id::FindingId;
use crate::domain::suspicion::Suspicion;
use crate::store::records;

use reading::{Row, columns};
pub(crate) use reading::{count_open, find, find_open_of_order, list};
pub(crate) use reported::{Reported, report, resolve_reported, with_failed_refunds};

/// Inserts a finding. If it has an action, the writer holds its claim for the time of `lease`. Returns `false` if the
/// finding exists. Waits for a transaction that is writing it.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    id: FindingId,
    suspicion: &Suspicion,
    lease: Duration,
) -> Result<bool, DbError> {
    let (expected, found) = (suspicion.expected, suspicion.found);
    let acts = suspicion.action != FindingAction::None;
    let inserted = cached_sql(
        "INSERT INTO orders.findings
             (tenant_id, id, kind, gateway, subject, charge_reference, payment_reference, order_id, expected_minor,
              expected_currency, found_minor, found_currency, detail, action, tries, due_at, found_at, last_seen_at,
              installation_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
             greatest($17, now()) + make_interval(secs => $16), greatest($17, now()), greatest($17, now()), $18)
         ON CONFLICT (tenant_id, gateway, kind, subject) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(suspicion.kind.as_str())
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(suspicion.subject())
    .bind::<Nullable<Text>, _>(suspicion.charge.as_ref().map(ChargeId::as_str))
    .bind::<Nullable<Text>, _>(suspicion.payment.as_ref().map(Reference::as_str))
    .bind::<Nullable<SqlUuid>, _>(suspicion.order.map(|order| order.0.as_uuid()))
    .bind::<Nullable<BigInt>, _>(expected.map(|money| money.amount_minor))
    .bind::<Nullable<Text>, _>(currency(expected.as_ref()))
    .bind::<Nullable<BigInt>, _>(found.map(|money| money.amount_minor))
    .bind::<Nullable<Text>, _>(currency(found.as_ref()))
    .bind::<Text, _>(suspicion.detail.as_str())
    .bind::<Text, _>(suspicion.action.as_str())
    .bind::<Integer, _>(i32::from(acts))
    .bind::<Nullable<Double>, _>(acts.then_some(lease.as_secs_f64()))
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<SqlUuid>, _>(suspicion.installation.map(InstallationId::as_uuid))
    .execute(connection)
    .await?;
    publish_opened(connection, tenant, now, id, suspicion, inserted).await?;
    Ok(inserted == 1)
}

/// A finding that already existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: FindingId,
    /// The number of its claim, if the program has corrected it.
    pub(crate) corrected: Option<i64>,
}

/// The findings about a subject that the program has corrected: kinds, and the numbers of their claims.
#[derive(Debug, Default)]
pub(crate) struct Corrected(Vec<(String, i64)>);

impl Corrected {
    /// The number of the claim of a corrected finding.
    pub(crate) fn claim_of(&self, kind: FindingKind) -> Option<i64> {
        let mut found = self.0.iter();
        found.find_map(|(of, claim)| (of == kind.as_str()).then_some(*claim))
    }
}

/// Returns the findings about a subject that the program has corrected.
pub(crate) async fn find_corrected(
    connection: &mut Connection,
    tenant: TenantId,
    gateway: &str,
    subject: &str,
) -> Result<Corrected, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        kind: String,
        #[diesel(sql_type = BigInt)]
        claim: i64,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT kind, claim FROM orders.findings
         WHERE tenant_id = $1 AND gateway = $2 AND kind = ANY ($3) AND subject = $4 AND resolved_by = $5",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Array<Text>, _>(FindingKind::ALL.map(FindingKind::as_str).to_vec())
    .bind::<Text, _>(subject)
    .bind::<Text, _>(RECONCILER)
    .load(connection)
    .await?;
    let rows = rows.into_iter().map(|row| (row.kind, row.claim));
    Ok(Corrected(rows.collect()))
}

/// Records that an existing finding was seen again.
pub(crate) async fn see(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    suspicion: &Suspicion,
) -> Result<Option<Seen>, DbError> {
    #[derive(QueryableByName)]
    struct Touched {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Nullable<Text>)]
        resolved_by: Option<String>,
        #[diesel(sql_type = BigInt)]
        claim: i64,
    }

    let rows: Vec<Touched> = cached_sql(
        "UPDATE orders.findings SET last_seen_at = greatest($5, now())
         WHERE tenant_id = $1 AND gateway = $2 AND kind = $3 AND subject = $4
         RETURNING id, resolved_by, claim",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(gateway)
    .bind::<Text, _>(suspicion.kind.as_str())
    .bind::<Text, _>(suspicion.subject())
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    Ok(rows.into_iter().next().map(|row| Seen {
        id: row.id.into(),
        corrected: (row.resolved_by.as_deref() == Some(RECONCILER)).then_some(row.claim),
    }))
}

/// Reopens a finding that the program had corrected under a claim, with the new difference, and claims it for the time of
/// `lease`. Returns `false` if another worker reopened it first.
pub(crate) async fn reopen(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (id, corrected): (FindingId, i64),
    suspicion: &Suspicion,
    lease: Duration,
) -> Result<bool, DbError> {
    let acts = suspicion.action != FindingAction::None;
    let reopened = cached_sql(
        "UPDATE orders.findings
         SET resolved_at = NULL, resolved_by = NULL, note = NULL, detail = $4, found_minor = $5, found_currency = $6,
             action = $7, claim = claim + 1, tries = 1, due_at = greatest($9, now()) + make_interval(secs => $8)
         WHERE tenant_id = $1 AND id = $2 AND resolved_by = $3 AND claim = $10",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(RECONCILER)
    .bind::<Text, _>(suspicion.detail.as_str())
    .bind::<Nullable<BigInt>, _>(suspicion.found.map(|money| money.amount_minor))
    .bind::<Nullable<Text>, _>(currency(suspicion.found.as_ref()))
    .bind::<Text, _>(suspicion.action.as_str())
    .bind::<Nullable<Double>, _>(acts.then_some(lease.as_secs_f64()))
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(corrected)
    .execute(connection)
    .await?;
    publish_opened(connection, tenant, now, id, suspicion, reopened).await?;
    Ok(reopened == 1)
}

fn currency(money: Option<&Money>) -> Option<&str> {
    money.map(|money| money.currency.as_str())
}

/// The tenants with a finding whose action is due, longest overdue first.
pub(crate) async fn find_due_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<DueTenant>, DbError> {
    let question = due_tenants_sql!("orders.findings", open "w.due_at IS NOT NULL");
    oms_work::find_due_tenants(connection, &question, now).await
}

/// Claims up to `limit` findings whose action is due under a lease, longest overdue first. Skips kinds and actions that
/// only a newer version of the program knows.
pub(crate) async fn claim_due(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    gateway: &str,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Finding>, DbError> {
    let rows: Vec<Row> = cached_sql(claim_sql!(
        "orders.findings", key ("id"),
        open "w.gateway = $5 AND w.kind = ANY ($6) AND w.action = ANY ($7)", first "w.due_at", join "",
        returning columns!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Text, _>(gateway)
    .bind::<Array<Text>, _>(FindingKind::ALL.map(FindingKind::as_str).to_vec())
    .bind::<Array<Text>, _>(FindingAction::ALL.map(FindingAction::as_str).to_vec())
    .load(connection)
    .await?;
    rows.into_iter().map(Row::into_finding).collect()
}

/// When to retry an action that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextTry {
    /// After this time.
    After(Duration),
    /// After this time, and the attempt does not count as a try.
    AfterNoTry(Duration),
    /// Never: the finding needs an operator.
    Never,
}

/// Releases a claim without a resolution. Does nothing if a later claim took the finding, or if it was resolved.
pub(crate) async fn postpone(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    finding: &Finding,
    next: NextTry,
    note: &str,
) -> Result<(), DbError> {
    let (delay, counts) = match next {
        NextTry::After(delay) => (Some(delay), true),
        NextTry::AfterNoTry(delay) => (Some(delay), false),
        NextTry::Never => (None, true),
    };
    cached_sql(postpone_sql!(
        "orders.findings", key ("id" = "$6"), open "w.resolved_at IS NULL", set ", note = $7"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Nullable<Double>, _>(delay.map(|delay| delay.as_secs_f64()))
    .bind::<Bool, _>(counts)
    .bind::<BigInt, _>(finding.lease.claim)
    .bind::<SqlUuid, _>(finding.id.as_uuid())
    .bind::<Text, _>(note)
    .execute(connection)
    .await?;
    Ok(())
}

/// Resolves an open finding. Returns `false` if it was already resolved.
pub(crate) async fn resolve(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FindingId,
    by: &str,
    note: &str,
) -> Result<bool, DbError> {
    let resolved: Vec<Resolved> = cached_sql(
        "UPDATE orders.findings
         SET resolved_at = greatest($5, now()), resolved_by = $3, note = $4, due_at = NULL
         WHERE tenant_id = $1 AND id = $2 AND resolved_at IS NULL
         RETURNING id, kind, order_id",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Text, _>(by)
    .bind::<Text, _>(note)
    .bind::<Nullable<Timestamptz>, _>(now)
    .load(connection)
    .await?;
    let is_resolved = !resolved.is_empty();
    publish_resolved(connection, tenant, now, resolved, by).await?;
    Ok(is_resolved)
}

/// A finding that was resolved.
#[derive(QueryableByName)]
struct Resolved {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    order_id: Option<Uuid>,
}

async fn publish_resolved(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    resolved: Vec<Resolved>,
    by: &str,
) -> Result<(), DbError> {
    let resolved = resolved.into_iter();
    let resolved: Vec<_> = resolved.map(|it| (it.id, it.kind, it.order_id)).collect();
    let facts = json!({ "resolvedBy": by });
    records::of_findings(
        connection,
        tenant,
        now,
        "finding.resolved",
        &resolved,
        &facts,
    )
    .await
}

/// Publishes that a finding was opened, unless `written` is 0.
async fn publish_opened(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: FindingId,
    suspicion: &Suspicion,
    written: usize,
) -> Result<(), DbError> {
    let order_id = suspicion.order.map(|order| order.0.as_uuid());
    let opened = [(id.as_uuid(), suspicion.kind.as_str().to_owned(), order_id)];
    let opened = &opened[..written.min(1)];
    records::of_findings(
        connection,
        tenant,
        now,
        "finding.opened",
        opened,
        &json!({}),
    )
    .await
}
