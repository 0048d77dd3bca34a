//! Reports of imports as JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::ImportId;
use crate::domain::import::rejection::Rejection;
use crate::domain::import::{ImportKind, ImportReport};
use crate::http::examples;

/// A report.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportReport, examples(examples::import_report))]
pub(crate) struct ReportBody {
    id: ImportId,
    kind: ImportKind,
    lines_done: i32,
    accepted: i32,
    /// Only of products.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<i32>,
    changed: i32,
    unchanged: i32,
    rejected: i32,
    /// By line, the first 10,000.
    #[schema(max_items = 10_000)]
    rejections: Vec<RejectionBody>,
    created_at: DateTime<Utc>,
    /// Absent while it is under way, or was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
}

/// A row that was not imported.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedRow)]
pub(crate) struct RejectionBody {
    /// In the file, from 1.
    line: i32,
    /// Why, for programs, such as `row.duplicate`.
    code: &'static str,
    /// Why, for people.
    reason: String,
}

impl From<ImportReport> for ReportBody {
    fn from(report: ImportReport) -> Self {
        let (import, counts) = (report.import, report.import.counts);
        Self {
            id: import.id,
            kind: import.kind,
            lines_done: import.lines_done,
            accepted: counts.accepted(),
            created: (import.kind == ImportKind::Products).then_some(counts.created),
            changed: counts.changed,
            unchanged: counts.unchanged,
            rejected: counts.rejected,
            rejections: report.rejections.into_iter().map(Into::into).collect(),
            created_at: import.created_at,
            finished_at: import.finished_at,
        }
    }
}

impl From<Rejection> for RejectionBody {
    fn from(rejection: Rejection) -> Self {
        Self {
            line: rejection.line,
            code: rejection.code.as_str(),
            reason: rejection.reason,
        }
    }
}
