//! The end of each tenant's feed. Whoever gives positions holds the lock of its row until the commit, so positions
//! become visible in their order.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Statement, cached_sql, expect_sql};
use oms_validation::TenantId;
use uuid::Uuid;

/// The end of a feed.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Head {
    /// The last position that was given.
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    /// The server and its timeline when positions were last given.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) history: Option<String>,
}

/// Locks the end of a feed. `None` if another relay holds it, or if the tenant has none yet.
pub(crate) fn lock(tenant: TenantId) -> Statement<'static, Option<Head>> {
    cached_sql(
        "SELECT position, history FROM events.heads WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .rows::<Head>()
    .map(|rows| rows.into_iter().next())
}

/// Waits until no events get positions, lets none get any until the commit, and returns the last position. Without it, what
/// has nothing to send and is released could miss the events whose transaction is just being committed.
pub(crate) fn hold(tenant: TenantId) -> Statement<'static, Option<i64>> {
    #[derive(QueryableByName)]
    struct End {
        #[diesel(sql_type = BigInt)]
        position: i64,
    }

    cached_sql("SELECT position FROM events.heads WHERE tenant_id = $1 FOR SHARE")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .rows::<End>()
        .map(|rows| rows.into_iter().next().map(|end| end.position))
}

/// Inserts the end of a tenant's feed. Returns `false` if it has one.
pub(crate) async fn insert(connection: &mut Connection, tenant: TenantId) -> Result<bool, DbError> {
    let inserted = cached_sql(
        "INSERT INTO events.heads AS h (tenant_id)
         SELECT t.tenant_id FROM tenancy.tenants t WHERE t.tenant_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .execute(connection)
    .await?;
    Ok(inserted == 1)
}

/// Moves the end of a locked feed from one position to another. Fails with [`DbError::NotAsExpected`] if it is
/// elsewhere.
pub(crate) fn advance(
    tenant: TenantId,
    from: i64,
    to: i64,
    history: Option<String>,
) -> Statement<'static, ()> {
    #[derive(QueryableByName)]
    struct Advanced {}

    cached_sql(concat!(
        "WITH advanced AS (
             UPDATE events.heads SET position = $3, history = $4
             WHERE tenant_id = $1 AND position = $2 RETURNING tenant_id
         )
         SELECT ",
        expect_sql!("count(*) = 1"),
        " FROM advanced"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(to)
    .bind::<Nullable<Text>, _>(history)
    .rows::<Advanced>()
    .map(drop)
}

/// Records that a locked feed has no events up to a position any more.
pub(crate) fn set_purged(tenant: TenantId, to: i64) -> Statement<'static, usize> {
    cached_sql("UPDATE events.heads SET purged_to = $2 WHERE tenant_id = $1")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<BigInt, _>(to)
        .affected()
}

/// Moves the ends of all feeds by `by` positions, and returns their number.
pub(crate) async fn move_all(connection: &mut Connection, by: i64) -> Result<usize, DbError> {
    let moved = cached_sql(
        "-- writes across tenants: after a restore, the feeds of all tenants may have lost their ends
         UPDATE events.heads SET position = position + $1",
    )
    .bind::<BigInt, _>(by)
    .execute(connection)
    .await?;
    Ok(moved)
}

/// Returns the ends of the feeds of tenants.
pub(crate) async fn find_positions(
    connection: &mut Connection,
    tenants: Vec<Uuid>,
) -> Result<Vec<(Uuid, i64)>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        tenant_id: Uuid,
        #[diesel(sql_type = BigInt)]
        position: i64,
    }

    let rows: Vec<Row> = cached_sql(
        "-- across tenants: whose waiting requests have something to read
         SELECT tenant_id, position FROM events.heads WHERE tenant_id = ANY ($1)",
    )
    .bind::<Array<SqlUuid>, _>(tenants)
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.position))
        .collect())
}

/// Returns which server this is and on which timeline it writes. Both change if a database is restored or a standby is
/// promoted, and then positions may have been lost that clients have seen. The name of the current WAL file is used,
/// because `pg_control_checkpoint` tells of a promotion only after the next checkpoint.
pub(crate) async fn find_history(connection: &mut Connection) -> Result<String, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        history: String,
    }

    let row: Row = cached_sql(
        "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/'
             || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS history",
    )
    .get_result(connection)
    .await?;
    Ok(row.history)
}
