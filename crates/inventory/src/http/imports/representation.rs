//! Import reports as JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::ImportId;
use crate::domain::import::rejection::Rejection;
use crate::domain::import::{ImportKind, ImportReport};
use crate::http::examples;

/// The report of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportReport, examples(examples::import_report))]
pub(crate) struct ReportBody {
    id: ImportId,
    kind: ImportKind,
    lines_done: i32,
    accepted: i32,
    /// Only in imports of products.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<i32>,
    changed: i32,
    unchanged: i32,
    rejected: i32,
    /// The first 10,000 rejected rows, ordered by line.
    #[schema(max_items = 10_000)]
    rejections: Vec<RejectionBody>,
    created_at: DateTime<Utc>,
    /// Absent while the import is in progress or interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
}

/// A rejected row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedRow)]
pub(crate) struct RejectionBody {
    /// Line in the file, from 1.
    line: i32,
    /// Machine-readable reason, such as `row.duplicate`.
    code: &'static str,
    /// Human-readable reason.
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
