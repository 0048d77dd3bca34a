//! Imports.

pub(super) mod products;
pub(super) mod representation;
pub(super) mod show;
pub(super) mod stock;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::{INVALID_HEADER, Problem, UNSUPPORTED_MEDIA_TYPE};
use oms_validation::Once;
use oms_validation::http::{BodyLimits, for_each_piece, utf8_media_type};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::import::{Acceptance, ImportFormat, ImportReport};
use crate::error::{self, InventoryError};
use crate::http::{flag, made};
use crate::import_file::{ImportFile, ImportFileWriter};

oms_errors::refusals! {
    Refusals: [
        INVALID_HEADER,
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

/// How long clients wait for a place, in seconds.
const RETRY_AFTER_S: u32 = 10;

/// What imports may take of the server.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// Their bodies, in place of those of other requests.
    pub body: BodyLimits,
    /// Most of them at a time.
    pub at_a_time: usize,
}

/// The places for imports.
pub(super) struct ImportPlaces {
    body: BodyLimits,
    free: Arc<Semaphore>,
}

impl ImportPlaces {
    pub(super) fn new(limits: ImportLimits) -> Self {
        Self {
            body: limits.body,
            free: Arc::new(Semaphore::new(limits.at_a_time)),
        }
    }

    /// A place, from before the body is read until the import has ended.
    fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = self.free.clone().try_acquire_owned();
        place.map_err(|_| Problem::of(&error::IMPORTS_BUSY).with_retry_after_s(RETRY_AFTER_S))
    }

    /// The body on the disk: no connection to the database waits for a slow client.
    async fn receive(&self, payload: web::Payload) -> Result<ImportFile, Problem> {
        let max_bytes = u64::try_from(self.body.max_bytes).unwrap_or(u64::MAX);
        let mut file = ImportFileWriter::new(max_bytes).map_err(InventoryError::ImportFile)?;
        for_each_piece(payload.into_inner(), self.body, async |piece| {
            let written = file.write(&piece).await;
            Ok(written.map_err(InventoryError::ImportFile)?)
        })
        .await?;
        let file = file.finish().await;
        Ok(file.map_err(InventoryError::ImportFile)?)
    }
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

fn acceptance_of(query: &[(String, String)]) -> Result<Acceptance, Problem> {
    Ok(match flag(query, "allOrNothing")? {
        Some(true) => Acceptance::AllOrNothing,
        Some(false) | None => Acceptance::EachRow,
    })
}

fn answer(report: Once<ImportReport>) -> HttpResponse {
    let (mut response, report) = made(report, |report| format!("/imports/{}", report.import.id));
    response.json(representation::ReportBody::from(report))
}
