//! All-or-nothing imports: the whole file is checked first, then written in one transaction.
//!
//! The import keeps its rows in memory, whose number is bounded, to lock their resources in one order. It holds these
//! locks until the end, and orders for the same stock wait for them.

use oms_database::{Connection, transaction};
use oms_validation::{Keyed, Once, TenantId};

use crate::context::InventoryContext;
use crate::domain::id::ImportId;
use crate::domain::import::rejection::Rejections;
use crate::domain::import::{ImportCounts, ImportReport};
use crate::error::InventoryError;
use crate::service::claim_key::{claim_key, find_result};
use crate::service::import::{
    CHUNK_ROWS, ChunkedFile, ImportObserver, ImportProgress, Importable, ImportedBy, report,
};
use crate::store::imports;

/// Imports a file, or returns the report of an earlier request with its key.
pub(crate) async fn import<I: Importable>(
    context: &InventoryContext,
    tenant: TenantId,
    keyed: &Keyed<'_>,
    importable: &I,
    mut file: ChunkedFile<I::Row>,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    let mut connection = context.database.acquire().await?;
    if let Some(id) = find_result(&mut connection, tenant, keyed).await? {
        let before = report(&mut connection, tenant, id.into()).await?;
        return Ok(Once::Before(before));
    }
    let (mut planned, mut rejections) = (Vec::new(), Rejections::default());
    while let Some(chunk) = file.chunks.next().await? {
        let plan = importable.plan(&mut connection, tenant, chunk.rows).await?;
        planned.extend(plan.planned);
        let mut found = [chunk.rejections, plan.rejections].concat();
        found.sort_unstable_by_key(|rejection| rejection.line);
        rejections.extend(found);
        observer.progressed(ImportProgress::Checked(chunk.last_line));
    }
    if rejections.count > 0 {
        return Err(InventoryError::ImportRejected(rejections));
    }
    I::sort(&mut planned);
    transaction(&mut connection, async |connection| {
        let id = ImportId::generate();
        if let Some(id) = claim_key(connection, tenant, keyed, id.as_uuid()).await? {
            let before = report(connection, tenant, id.into()).await?;
            return Ok(Once::Before(before));
        }
        imports::insert(connection, tenant, id, I::KIND).await?;
        for rows in planned.chunks(CHUNK_ROWS) {
            importable.prepare(connection, tenant, rows).await?;
        }
        let by = ImportedBy {
            id,
            actor: &file.actor,
        };
        let counts = apply(connection, tenant, importable, by, &planned, observer).await?;
        let mut made = report(connection, tenant, id).await?;
        made.import.counts = counts;
        made.import.lines_done = file.lines;
        imports::update(connection, tenant, &made.import).await?;
        imports::finish(connection, tenant, id).await?;
        report(connection, tenant, id).await.map(Once::Now)
    })
    .await
}

async fn apply<I: Importable>(
    connection: &mut Connection,
    tenant: TenantId,
    importable: &I,
    by: ImportedBy<'_>,
    planned: &[I::Planned],
    observer: &dyn ImportObserver,
) -> Result<ImportCounts, InventoryError> {
    let (mut counts, mut rejections) = (ImportCounts::default(), Rejections::default());
    for rows in planned.chunks(CHUNK_ROWS) {
        let applied = importable.apply(connection, tenant, by, rows).await?;
        counts.add(applied.counts);
        rejections.extend(applied.rejections);
        observer.progressed(ImportProgress::Written(counts.accepted()));
    }
    match rejections.count {
        0 => Ok(counts),
        _ => {
            rejections
                .named
                .sort_unstable_by_key(|rejection| rejection.line);
            Err(InventoryError::ImportRejected(rejections))
        }
    }
}
