//! Views of the console's list of orders.

use diesel::QueryableByName;
use diesel::sql_types::{Integer, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::domain::view::{SavedView, ViewId, ViewName, ViewQuery};

/// The index that gives each view of a tenant a name of its own.
pub(crate) const BY_NAME: &str = "console_views_name";

/// The index that limits how many views a tenant has.
pub(crate) const BY_SLOT: &str = "console_views_slot";

/// A view to insert.
pub(crate) struct NewRow<'a> {
    pub(crate) id: ViewId,
    pub(crate) slot: i16,
    pub(crate) name: &'a ViewName,
    pub(crate) query: &'a ViewQuery,
    pub(crate) saved_by: &'a str,
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SmallInt)]
    slot: i16,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    query: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    saved_by: String,
}

/// Returns all views of a tenant, by name.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
) -> Result<Vec<SavedView>, DbError> {
    let rows: Vec<Row> = cached_sql(
        "SELECT v.id, v.slot, v.name, v.query, v.version, v.saved_by
         FROM access.console_views v
         WHERE v.tenant_id = $1
         ORDER BY v.name",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .load(connection)
    .await?;
    let view = |row: Row| SavedView {
        id: ViewId(row.id),
        name: row.name,
        query: row.query,
        version: row.version,
        saved_by: row.saved_by,
        slot: row.slot,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Inserts a view.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    view: &NewRow<'_>,
) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO access.console_views (tenant_id, id, slot, name, query, saved_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(view.id.0)
    .bind::<SmallInt, _>(view.slot)
    .bind::<Text, _>(view.name.as_str())
    .bind::<Text, _>(view.query.as_str())
    .bind::<Text, _>(view.saved_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Renames a view that has this version. Returns whether there was one.
pub(crate) async fn rename(
    connection: &mut Connection,
    tenant: TenantId,
    id: ViewId,
    version: i32,
    name: &ViewName,
) -> Result<bool, DbError> {
    let renamed = cached_sql(
        "UPDATE access.console_views SET name = $4, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Integer, _>(version)
    .bind::<Text, _>(name.as_str())
    .execute(connection)
    .await?;
    Ok(renamed > 0)
}

/// Deletes a view. Returns whether there was one.
pub(crate) async fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    id: ViewId,
) -> Result<bool, DbError> {
    let deleted = cached_sql("DELETE FROM access.console_views WHERE tenant_id = $1 AND id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id.0)
        .execute(connection)
        .await?;
    Ok(deleted > 0)
}
