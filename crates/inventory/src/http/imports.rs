//! Endpoints of imports.

mod places;
pub(super) mod prices;
pub(super) mod products;
pub(super) mod representation;
pub(super) mod show;
pub(super) mod stock;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::{INVALID_HEADER, Problem, UNSUPPORTED_MEDIA_TYPE};
use oms_validation::{Once, TenantId};
use oms_web::{BodyLimits, for_each_piece, utf8_media_type};
use places::{Place, Places};

use crate::domain::import::{Acceptance, ImportFormat, ImportReport};
use crate::error::{self, InventoryError};
use crate::http::made;
use crate::import_file::{ImportFile, ImportFileWriter};

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::IMPORT_ENCODING,
        error::IMPORT_HEADER,
        error::IMPORT_EMPTY,
        error::IMPORT_TOO_LONG,
        error::IMPORT_REJECTED,
        error::IMPORT_IN_PROGRESS,
        error::IMPORTS_BUSY,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// `Retry-After` when no slot is free, in seconds.
const RETRY_AFTER_S: u32 = 10;

/// The divisor of a tenant's share of the files on disk: a quarter, so that no tenant can lock others out.
const SHARE_OF_A_TENANT: usize = 4;

/// The resource limits of imports.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// The limits of their bodies, which replace those of other requests. The deadline is also the longest wait for a
    /// slot.
    pub body: BodyLimits,
    /// Maximum files on disk: being received, waiting, or being imported.
    pub files: usize,
    /// Maximum files that are imported at a time.
    pub at_a_time: usize,
}

/// The slots for imports.
pub(super) struct ImportPlaces {
    body: BodyLimits,
    files: Arc<Places>,
    at_work: Arc<Places>,
}

/// A file on disk and its slot.
struct Received {
    file: ImportFile,
    on_disk: Place,
}

impl ImportPlaces {
    pub(super) fn new(limits: ImportLimits) -> Self {
        let share = limits.files.div_ceil(SHARE_OF_A_TENANT);
        Self {
            body: limits.body,
            files: Places::new(limits.files, share),
            at_work: Places::new(limits.at_a_time, limits.at_a_time),
        }
    }

    /// Receives the body to disk first, so that a slow client occupies neither a slot for work nor a database
    /// connection.
    async fn receive(&self, tenant: TenantId, payload: web::Payload) -> Result<Received, Problem> {
        let on_disk = self.files.try_take(tenant).ok_or_else(busy)?;
        let max_bytes = u64::try_from(self.body.max_bytes).unwrap_or(u64::MAX);
        let mut file = ImportFileWriter::new(max_bytes).map_err(InventoryError::ImportFile)?;
        for_each_piece(payload.into_inner(), self.body, async |piece| {
            let written = file.write(&piece).await;
            Ok(written.map_err(InventoryError::ImportFile)?)
        })
        .await?;
        let file = file.finish().await;
        let file = file.map_err(InventoryError::ImportFile)?;
        Ok(Received { file, on_disk })
    }

    /// Waits for a slot for work, in turns with other tenants.
    async fn work(&self, tenant: TenantId) -> Result<Place, Problem> {
        let place = tokio::time::timeout(self.body.deadline, self.at_work.take(tenant)).await;
        place.map_err(|_| busy())
    }
}

fn busy() -> Problem {
    Problem::of(&error::IMPORTS_BUSY).with_retry_after_s(RETRY_AFTER_S)
}

fn format_of(request: &HttpRequest) -> Result<ImportFormat, Problem> {
    let headers: &HeaderMap = request.headers();
    match utf8_media_type(headers).as_deref() {
        Some("text/csv") => Ok(ImportFormat::Csv),
        Some("application/x-ndjson" | "application/jsonl") => Ok(ImportFormat::JsonLines),
        _ => {
            let detail = "send text/csv, application/x-ndjson or application/jsonl, in UTF-8";
            Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

fn acceptance_of(all_or_nothing: bool) -> Acceptance {
    match all_or_nothing {
        true => Acceptance::AllOrNothing,
        false => Acceptance::EachRow,
    }
}

fn answer(report: Once<ImportReport>) -> HttpResponse {
    let (mut response, report) = made(report, |report| format!("/imports/{}", report.import.id));
    response.json(representation::ReportBody::from(report))
}
