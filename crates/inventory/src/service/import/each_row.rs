//! Imports that handle each row on its own, with one transaction per chunk, so that orders never wait long for stock.
//!
//! Each transaction records the progress. Repeating an interrupted request resumes from there. If two requests resume
//! concurrently, each chunk is imported by only one of them.

use oms_database::{Connection, transaction};
use oms_validation::{Keyed, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::ImportId;
use crate::domain::import::{Import, ImportKind, ImportReport};
use crate::error::InventoryError;
use crate::service::claim_key::claim_key;
use crate::service::import::reading::Chunk;
use crate::service::import::{
    ChunkedFile, ImportObserver, ImportProgress, Importable, ImportedBy, report,
};
use crate::store::imports;

/// Imports a file, or the remaining part of it if an earlier request with its key was interrupted.
pub(crate) async fn import<I: Importable>(
    context: &InventoryContext,
    tenant: TenantId,
    keyed: &Keyed<'_>,
    importable: &I,
    file: ChunkedFile<I::Row>,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let import = begin(&mut connection, tenant, keyed, I::KIND).await?;
    if import.finished_at.is_some() {
        let before = report(&mut connection, tenant, import.id).await?;
        return Ok(Once::Before(before));
    }
    drop(connection);
    let carried_out = carry_out(context, tenant, importable, import, file, observer).await;
    // Some rows may have been saved, so an error must not claim that nothing was.
    carried_out
        .map(Once::Now)
        .map_err(InventoryError::after_commit)
}

async fn carry_out<I: Importable>(
    context: &InventoryContext,
    tenant: TenantId,
    importable: &I,
    mut import: Import,
    mut file: ChunkedFile<I::Row>,
    observer: &dyn ImportObserver,
) -> Result<ImportReport, InventoryError> {
    while let Some(chunk) = file.chunks.next().await? {
        if chunk.last_line > import.lines_done {
            let mut connection = context.database.acquire().await?;
            import = transaction(&mut connection, async |connection| {
                import_chunk(connection, tenant, importable, import, &file.actor, chunk).await
            })
            .await?;
        }
        observer.progressed(ImportProgress::Written(import.lines_done));
    }
    let mut connection = context.database.acquire().await?;
    imports::finish(&mut connection, tenant, import.id).await?;
    observer.progressed(ImportProgress::Written(file.lines));
    report(&mut connection, tenant, import.id).await
}

/// Returns the import of the key, and creates it on the first request.
async fn begin(
    connection: &mut Connection,
    tenant: TenantId,
    keyed: &Keyed<'_>,
    kind: ImportKind,
) -> Result<Import, InventoryError> {
    transaction(connection, async |connection| {
        let id = ImportId::generate();
        let claimed = claim_key(connection, tenant, keyed, id.as_uuid()).await?;
        if claimed.is_none() {
            imports::insert(connection, tenant, id, kind).await?;
        }
        let id = claimed.map_or(id, ImportId::from);
        let import = imports::find(connection, tenant, id).await?;
        import.ok_or(InventoryError::ImportNotFound)
    })
    .await
}

/// Imports a chunk, and returns the import with its new progress.
async fn import_chunk<I: Importable>(
    connection: &mut Connection,
    tenant: TenantId,
    importable: &I,
    mut import: Import,
    actor: &str,
    chunk: Chunk<I::Row>,
) -> Result<Import, InventoryError> {
    if !imports::lock_at(connection, tenant, import.id, import.lines_done).await? {
        return Err(InventoryError::ImportInProgress);
    }
    let mut plan = importable.plan(connection, tenant, chunk.rows).await?;
    I::sort(&mut plan.planned);
    importable
        .prepare(connection, tenant, &plan.planned)
        .await?;
    let by = ImportedBy {
        id: import.id,
        actor,
    };
    let applied = importable
        .apply(connection, tenant, by, &plan.planned)
        .await?;
    let mut rejections = [chunk.rejections, plan.rejections, applied.rejections].concat();
    rejections.sort_unstable_by_key(|rejection| rejection.line);
    let named = rejections.len().min(import.counts.room_for_rejections());
    imports::insert_rejections(connection, tenant, import.id, &rejections[..named]).await?;
    import.counts.add(applied.counts);
    import.counts.rejected += i32::try_from(rejections.len()).unwrap_or(i32::MAX);
    import.lines_done = chunk.last_line;
    imports::update(connection, tenant, &import).await?;
    Ok(import)
}
