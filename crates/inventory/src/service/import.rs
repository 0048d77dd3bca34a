//! The common part of imports of products, prices and stock: reading, chunks, transactions, keys and reports.

pub(crate) mod all_or_nothing;
pub(crate) mod each_row;
pub(crate) mod prices;
pub(crate) mod products;
pub(crate) mod reading;
pub(crate) mod stock;

use std::future::Future;

use oms_database::Connection;
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};
use serde::Serialize;

use crate::context::InventoryContext;
use crate::domain::id::ImportId;
use crate::domain::import::rejection::Rejection;
use crate::domain::import::row::Row;
use crate::domain::import::{
    Acceptance, ImportCounts, ImportFormat, ImportKind, ImportReport, Numbered,
};
use crate::error::InventoryError;
use crate::import_file::ImportFile;
use crate::service::import::reading::Chunks;
use crate::store::imports;

/// Rows per chunk. A chunk is written by one set of statements, in one transaction unless all chunks share one.
pub(crate) const CHUNK_ROWS: usize = 2_000;

/// A request to import a file.
pub struct ImportRequest {
    /// The file.
    pub file: ImportFile,
    /// The format of the file.
    pub format: ImportFormat,
    /// The effect of rejected rows on the other rows.
    pub acceptance: Acceptance,
    /// The actor that imports it, as stored with movements.
    pub actor: String,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportProgress {
    /// This many lines were checked; nothing is written yet.
    Checked(i32),
    /// This many lines were processed, or, in an all-or-nothing import, this many rows.
    Written(i32),
}

/// An observer of an import's progress.
pub trait ImportObserver: Send + Sync {
    /// Receives the current progress.
    fn progressed(&self, progress: ImportProgress);
}

/// Ignores progress.
impl ImportObserver for () {
    fn progressed(&self, _: ImportProgress) {}
}

/// A kind of import: its rows, and how they are applied.
pub(crate) trait Importable: Serialize + Sync {
    /// A parsed row.
    type Row: Row;
    /// A row whose references to the tenant's resources are resolved.
    type Planned: Send + Sync;
    /// The kind of import.
    const KIND: ImportKind;
    /// Distinguishes its requests from other requests with the same key.
    const OPERATION: &'static str;

    /// Resolves the resources that rows refer to.
    fn plan(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        rows: Vec<Numbered<Self::Row>>,
    ) -> impl Future<Output = Result<Plan<Self::Planned>, InventoryError>> + Send;

    /// Sorts rows in lock order.
    fn sort(planned: &mut [Self::Planned]);

    /// Creates the missing resources of sorted rows. The transaction must not hold any lock yet.
    fn prepare(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        planned: &[Self::Planned],
    ) -> impl Future<Output = Result<(), InventoryError>> + Send;

    /// Locks and changes the resources of sorted rows.
    fn apply(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        by: ImportedBy<'_>,
        planned: &[Self::Planned],
    ) -> impl Future<Output = Result<Applied, InventoryError>> + Send;
}

/// Rows that can be applied, and rejections of the others.
pub(crate) struct Plan<P> {
    pub(crate) planned: Vec<P>,
    pub(crate) rejections: Vec<Rejection>,
}

/// The outcome of applied rows.
#[derive(Default)]
pub(crate) struct Applied {
    /// The counts of accepted rows.
    pub(crate) counts: ImportCounts,
    pub(crate) rejections: Vec<Rejection>,
}

/// The import that makes a change, and its actor.
#[derive(Clone, Copy)]
pub(crate) struct ImportedBy<'a> {
    pub(crate) id: ImportId,
    pub(crate) actor: &'a str,
}

/// Imports a file, once per key.
pub(crate) async fn import<I: Importable>(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    importable: &I,
    request: ImportRequest,
    observer: &dyn ImportObserver,
) -> Result<Once<ImportReport>, InventoryError> {
    let (format, acceptance) = (request.format, request.acceptance);
    let settings = (importable, format, acceptance, request.file.digest());
    let keyed = Keyed::new(key, I::OPERATION, &settings);
    let lines = request.file.lines();
    let chunks = Chunks::<I::Row>::open(request.file, format).await?;
    let file = ChunkedFile {
        lines,
        chunks,
        actor: request.actor,
    };
    match acceptance {
        Acceptance::EachRow => {
            each_row::import(context, tenant, &keyed, importable, file, observer).await
        }
        Acceptance::AllOrNothing => {
            all_or_nothing::import(context, tenant, &keyed, importable, file, observer).await
        }
    }
}

/// A file that is read in chunks.
pub(crate) struct ChunkedFile<R> {
    pub(crate) lines: i32,
    pub(crate) chunks: Chunks<R>,
    pub(crate) actor: String,
}

/// Returns an import with its rejections.
pub(crate) async fn report(
    connection: &mut Connection,
    tenant: TenantId,
    id: ImportId,
) -> Result<ImportReport, InventoryError> {
    let import = imports::find(connection, tenant, id).await?;
    let import = import.ok_or(InventoryError::ImportNotFound)?;
    Ok(ImportReport {
        import,
        rejections: imports::find_rejections(connection, tenant, id).await?,
    })
}
