//! `GET /console/imports/{id}`: how far an import is, and the rows that it rejected, also as CSV.

use actix_web::http::{StatusCode, header};
use askama::Template;
use oms_errors::Problem;
use oms_inventory::{ImportId, ImportReport, InventoryError, Rejection, get_import};

use crate::display;
use crate::http::frame::{Frame, Section};
use crate::http::page::{Answer, PageResponse, page, reload};
use crate::http::page_request::PageRequest;

/// Rejected rows that the page shows; the file has all that were kept.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    frame: Frame,
    id: String,
    kind: String,
    lines: i32,
    created: i32,
    changed: i32,
    unchanged: i32,
    rejected: i32,
    began: String,
    finished: Option<String>,
    rows: Vec<RejectionRow>,
    is_cut: bool,
}

struct RejectionRow {
    line: i32,
    code: &'static str,
    reason: String,
}

/// `GET /console/imports/{id}`.
pub(in crate::http) async fn show(request: Box<PageRequest>) -> Answer {
    let report = read(&request).await?;
    let import = report.import;
    let shown = report.rejections.iter().take(SHOWN).map(RejectionRow::of);
    let it = ImportPage {
        frame: request.frame(Section::Imports, "Import"),
        id: import.id.to_string(),
        kind: display::sentence(import.kind.as_str()),
        lines: import.lines_done,
        created: import.counts.created,
        changed: import.counts.changed,
        unchanged: import.counts.unchanged,
        rejected: import.counts.rejected,
        began: display::time(import.created_at),
        finished: import.finished_at.map(display::time),
        rows: shown.collect(),
        is_cut: report.rejections.len() > SHOWN,
    };
    // Everything on the page may be different now.
    if request.is_for_a_part() && it.finished.is_some() {
        return reload();
    }
    page(&it)
}

/// `GET /console/imports/{id}/rejected.csv`.
pub(in crate::http) async fn rejected(request: Box<PageRequest>) -> Answer {
    let report = read(&request).await?;
    let name = format!("attachment; filename=\"rejected-{}.csv\"", report.import.id);
    PageResponse::new(StatusCode::OK, csv(&report.rejections))
        .with_static(header::CONTENT_TYPE, "text/csv; charset=utf-8")
        .with_static(header::CACHE_CONTROL, "no-store")
        .with_text(header::CONTENT_DISPOSITION, &name)
}

fn csv(rejections: &[Rejection]) -> String {
    let mut csv = String::from("line,code,reason\r\n");
    for rejection in rejections {
        let reason = rejection.reason.replace('"', "\"\"");
        let code = rejection.code.as_str();
        csv.push_str(&format!("{},{code},\"{reason}\"\r\n", rejection.line));
    }
    csv
}

async fn read(request: &PageRequest) -> Result<ImportReport, Problem> {
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    Ok(get_import(inventory, tenant, id_of(request.id())?).await?)
}

/// Reads the ID in a path. A malformed one is treated as unknown.
fn id_of(path: &str) -> Result<ImportId, InventoryError> {
    path.parse().map_err(|_| InventoryError::ImportNotFound)
}

impl RejectionRow {
    fn of(rejection: &Rejection) -> Self {
        Self {
            line: rejection.line,
            code: rejection.code.as_str(),
            reason: display::sentence(&rejection.reason),
        }
    }
}
