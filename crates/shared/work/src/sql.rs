//! The statements of a work list. They are macros, because the text of a cached statement must be a constant.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{AcrossTenants, Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

/// A tenant with due entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DueTenant {
    /// The tenant.
    pub tenant: TenantId,
    /// How long its first entry has been due.
    pub lag: Duration,
}

/// Returns the tenants with due entries, longest overdue first. `question` is made by
/// [`due_tenants_sql!`](crate::due_tenants_sql); `now` is the time to compare with, by default the database's.
///
/// # Errors
/// If the database fails.
pub async fn find_due_tenants(
    connection: &mut Connection,
    question: &AcrossTenants,
    now: Option<DateTime<Utc>>,
) -> Result<Vec<DueTenant>, DbError> {
    let text = question.text_for(connection).await?;
    let rows: Vec<Row> = cached_sql(text)
        .bind::<Nullable<Timestamptz>, _>(now)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Row::into_due).collect())
}

/// The same for one of several lists in a table: `$2` of the question is the list's name.
///
/// # Errors
/// If the database fails.
pub async fn find_due_tenants_of(
    connection: &mut Connection,
    question: &AcrossTenants,
    now: Option<DateTime<Utc>>,
    list: &str,
) -> Result<Vec<DueTenant>, DbError> {
    let text = question.text_for(connection).await?;
    let rows: Vec<Row> = cached_sql(text)
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Text, _>(list)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Row::into_due).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
    #[diesel(sql_type = Double)]
    lag_s: f64,
}

impl Row {
    fn into_due(self) -> DueTenant {
        DueTenant {
            tenant: self.tenant_id.into(),
            lag: Duration::try_from_secs_f64(self.lag_s).unwrap_or_default(),
        }
    }
}

/// The query for [`find_due_tenants`]: `due_tenants_sql!("schema.table", open "condition")`, where the condition
/// distinguishes open entries from finished ones and names the table `w`.
///
/// Takes one step in the index (`tenant_id`, `due_at`) for each tenant with entries, however long its backlog; on a
/// distributed engine, one for each registered tenant.
#[macro_export]
macro_rules! due_tenants_sql {
    ($table:literal, open $open:literal) => {
        $crate::AcrossTenants {
            stepping: concat!(
                "-- across tenants: finds who has work
                 WITH RECURSIVE tenants (tenant_id, due_at) AS (
                     (SELECT w.tenant_id, w.due_at FROM ",
                $table,
                " w
                      WHERE ",
                $open,
                " ORDER BY w.tenant_id, w.due_at LIMIT 1)
                     UNION ALL
                     SELECT following.tenant_id, following.due_at FROM tenants
                     CROSS JOIN LATERAL (
                         SELECT w.tenant_id, w.due_at FROM ",
                $table,
                " w
                         WHERE ",
                $open,
                " AND w.tenant_id > tenants.tenant_id
                         ORDER BY w.tenant_id, w.due_at LIMIT 1
                     ) following
                 )
                 SELECT tenant_id, extract(epoch FROM greatest($1, now()) - due_at)::float8 AS lag_s
                 FROM tenants WHERE due_at <= greatest($1, now()) ORDER BY due_at, tenant_id"
            ),
            visiting: concat!(
                "-- across tenants: finds who has work
                 SELECT t.tenant_id, extract(epoch FROM greatest($1, now()) - first.due_at)::float8 AS lag_s
                 FROM tenancy.tenants t
                 CROSS JOIN LATERAL (
                     SELECT min(w.due_at) AS due_at FROM ",
                $table,
                " w WHERE w.tenant_id = t.tenant_id AND ",
                $open,
                "
                 ) first
                 WHERE first.due_at <= greatest($1, now()) ORDER BY first.due_at, t.tenant_id"
            ),
        }
    };
}

/// The statement that claims due entries of a tenant:
/// `claim_sql!("schema.table", key ("column", …), open "condition", first "order", join "JOIN …", returning "columns")`.
///
/// `$1` is the tenant, `$2` the time or NULL for the database's, `$3` the maximum number of entries, `$4` the lease in
/// seconds. The table's alias is `w`; a join may refer to the keys as `due.column`.
#[macro_export]
macro_rules! claim_sql {
    ($table:literal, key ($($key:literal),+), open $open:literal, first $first:literal, join $join:literal,
     returning $returning:expr) => {
        concat!(
            "WITH due AS MATERIALIZED (
                 SELECT w.tenant_id", $(", w.", $key,)+ " FROM ", $table, " w
                 WHERE w.tenant_id = $1 AND w.due_at <= greatest($2, now()) AND ", $open, "
                 ORDER BY ", $first, " LIMIT $3
                 FOR UPDATE SKIP LOCKED
             )
             UPDATE ", $table, " w
             SET due_at = greatest($2, now()) + make_interval(secs => $4), claim = w.claim + 1, tries = w.tries + 1
             FROM due ", $join, "
             WHERE w.tenant_id = $1", $(" AND w.", $key, " = due.", $key,)+ "
             RETURNING ", $returning
        )
    };
}

/// The statement that postpones a claimed entry, and changes nothing if the claim has ended:
/// `postpone_sql!("schema.table", key ("column" = "$6", …), open "condition", set ", column = $7")`.
///
/// `$1` is the tenant, `$2` the time or NULL for the database's, `$3` the delay in seconds, `$4` whether the claim
/// counts as a try, `$5` the number of the claim.
#[macro_export]
macro_rules! postpone_sql {
    ($table:literal, key ($($key:literal = $value:literal),+), open $open:literal, set $set:literal) => {
        concat!(
            "UPDATE ", $table, " w
             SET due_at = greatest($2, now()) + make_interval(secs => $3),
                 tries = w.tries - CASE WHEN $4 THEN 0 ELSE 1 END", $set, "
             WHERE w.tenant_id = $1", $(" AND w.", $key, " = ", $value,)+ " AND w.claim = $5 AND ", $open
        )
    };
}
