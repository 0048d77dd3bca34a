//! What the imports of products and of stock have in common: reading, chunks, transactions, keys and reports.

pub(crate) mod all_or_nothing;
pub(crate) mod each_row;
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

/// Rows that are worked on together: one set of statements, and one transaction unless all rows share one.
pub(crate) const CHUNK_ROWS: usize = 2_000;

/// A file that shall be imported.
pub struct ImportRequest {
    /// The file.
    pub file: ImportFile,
    /// How rows stand in it.
    pub format: ImportFormat,
    /// What rows that are rejected mean for the others.
    pub acceptance: Acceptance,
    /// Who imports it, as movements name them.
    pub actor: String,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportProgress {
    /// So many lines were checked; nothing is written yet.
    Checked(i32),
    /// So many lines, or of an import of all or nothing so many rows, are dealt with.
    Written(i32),
}

/// Watches an import.
pub trait ImportObserver: Send + Sync {
    /// It has come so far.
    fn progressed(&self, progress: ImportProgress);
}

/// Nobody watches.
impl ImportObserver for () {
    fn progressed(&self, _: ImportProgress) {}
}

/// A kind of import: what its rows are, and what is done with them.
pub(crate) trait Importable: Serialize + Sync {
    /// What a line says.
    type Row: Row;
    /// A row that is known to speak of things of this store.
    type Planned: Send + Sync;
    /// Its kind.
    const KIND: ImportKind;
    /// Keeps its requests apart from others with the same key.
    const OPERATION: &'static str;

    /// Finds what rows speak of.
    fn plan(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        rows: Vec<Numbered<Self::Row>>,
    ) -> impl Future<Output = Result<Plan<Self::Planned>, InventoryError>> + Send;

    /// Sorts rows by what will be locked for them.
    fn sort(planned: &mut [Self::Planned]);

    /// Makes what is not there yet, of sorted rows. Nothing may be locked before.
    fn prepare(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        planned: &[Self::Planned],
    ) -> impl Future<Output = Result<(), InventoryError>> + Send;

    /// Locks what sorted rows speak of, and changes it.
    fn apply(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        by: ImportedBy<'_>,
        planned: &[Self::Planned],
    ) -> impl Future<Output = Result<Applied, InventoryError>> + Send;
}

/// Rows that can be applied, and those that can't.
pub(crate) struct Plan<P> {
    pub(crate) planned: Vec<P>,
    pub(crate) rejections: Vec<Rejection>,
}

/// What rows came to.
#[derive(Default)]
pub(crate) struct Applied {
    /// Those that were taken.
    pub(crate) counts: ImportCounts,
    pub(crate) rejections: Vec<Rejection>,
}

/// Which import changes something, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct ImportedBy<'a> {
    pub(crate) id: ImportId,
    pub(crate) actor: &'a str,
}

/// Imports a file once for its key.
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

/// A file that is being read.
pub(crate) struct ChunkedFile<R> {
    pub(crate) lines: i32,
    pub(crate) chunks: Chunks<R>,
    pub(crate) actor: String,
}

/// An import with its rejections.
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
