//! Imports, their progress, and their rejected rows.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::domain::id::ImportId;
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::{Import, ImportCounts, ImportKind};

/// Inserts an import with no progress.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
    kind: ImportKind,
) -> Result<(), DbError> {
    cached_sql("INSERT INTO inventory.imports (tenant_id, id, kind) VALUES ($1, $2, $3)")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<Text, _>(kind.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the import with an ID.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
) -> Result<Option<Import>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        kind: String,
        #[diesel(sql_type = Integer)]
        lines_done: i32,
        #[diesel(sql_type = Integer)]
        created: i32,
        #[diesel(sql_type = Integer)]
        changed: i32,
        #[diesel(sql_type = Integer)]
        unchanged: i32,
        #[diesel(sql_type = Integer)]
        rejected: i32,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        finished_at: Option<DateTime<Utc>>,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT kind, lines_done, created, changed, unchanged, rejected, created_at, finished_at
         FROM inventory.imports WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    let import = |row: Row| Import {
        id,
        kind: ImportKind::stored(&row.kind),
        lines_done: row.lines_done,
        counts: ImportCounts {
            created: row.created,
            changed: row.changed,
            unchanged: row.unchanged,
            rejected: row.rejected,
        },
        created_at: row.created_at,
        finished_at: row.finished_at,
    };
    Ok(rows.into_iter().next().map(import))
}

/// Locks an import until the transaction ends, if it is unfinished and at exactly this line. Returns `false` if another
/// request has continued it.
pub(crate) async fn lock_at(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
    lines_done: i32,
) -> Result<bool, DbError> {
    let locked = cached_sql(
        "SELECT 1 FROM inventory.imports
         WHERE tenant_id = $1 AND id = $2 AND lines_done = $3 AND finished_at IS NULL
         FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Integer, _>(lines_done)
    .execute(connection)
    .await?;
    Ok(locked == 1)
}

/// Writes the progress of a locked import.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    import: &Import,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.imports
         SET lines_done = $3, created = $4, changed = $5, unchanged = $6, rejected = $7
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(import.id.as_uuid())
    .bind::<Integer, _>(import.lines_done)
    .bind::<Integer, _>(import.counts.created)
    .bind::<Integer, _>(import.counts.changed)
    .bind::<Integer, _>(import.counts.unchanged)
    .bind::<Integer, _>(import.counts.rejected)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks an import as finished, unless it already is.
pub(crate) async fn finish(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
) -> Result<(), DbError> {
    cached_sql(
        "UPDATE inventory.imports SET finished_at = now()
         WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts rejections.
pub(crate) async fn insert_rejections(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
    rejections: &[Rejection],
) -> Result<(), DbError> {
    if rejections.is_empty() {
        return Ok(());
    }
    let lines: Vec<i32> = rejections.iter().map(|rejection| rejection.line).collect();
    let codes: Vec<&str> = rejections.iter().map(|r| r.code.as_str()).collect();
    let reasons: Vec<&str> = rejections.iter().map(|r| r.reason.as_str()).collect();
    cached_sql(
        "INSERT INTO inventory.import_rejections (tenant_id, import_id, line, code, reason)
         SELECT i.tenant_id, i.id, r.line, r.code, r.reason
         FROM inventory.imports i
         CROSS JOIN unnest($3::integer[], $4::text[], $5::text[]) AS r (line, code, reason)
         WHERE i.tenant_id = $1 AND i.id = $2",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Array<Integer>, _>(lines)
    .bind::<Array<Text>, _>(codes)
    .bind::<Array<Text>, _>(reasons)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the rejections of an import, ordered by line.
pub(crate) async fn find_rejections(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
) -> Result<Vec<Rejection>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        line: i32,
        #[diesel(sql_type = Text)]
        code: String,
        #[diesel(sql_type = Text)]
        reason: String,
    }

    let rows: Vec<Row> = cached_sql(
        "SELECT line, code, reason FROM inventory.import_rejections
         WHERE tenant_id = $1 AND import_id = $2 ORDER BY line",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .load(connection)
    .await?;
    let rejection = |row: Row| Rejection {
        line: row.line,
        code: RejectionCode::stored(&row.code),
        reason: row.reason,
    };
    Ok(rows.into_iter().map(rejection).collect())
}
