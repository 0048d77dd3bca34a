//! Imports: products or stock from a file, line by line, and what became of each line.

pub(crate) mod header;
pub(crate) mod parser;
pub(crate) mod planned_stock;
pub(crate) mod product_row;
pub(crate) mod quotes;
pub(crate) mod rejection;
pub(crate) mod row;
pub(crate) mod stock_row;

use chrono::{DateTime, Utc};
use oms_validation::newer_word;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::id::ImportId;
use crate::domain::import::rejection::{MAX_NAMED_REJECTIONS, Rejection};

/// Most lines of a file, its header and blank ones included.
pub(crate) const MAX_IMPORT_LINES: i32 = 250_000;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// Products and their prices, by SKU.
    Products,
    /// How much of each product is in each warehouse.
    Stock,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    ImportKind,
    "What is imported.",
    oms_validation::openapi::words(ImportKind::ALL.map(ImportKind::as_str))
}

impl ImportKind {
    const ALL: [Self; 2] = [Self::Products, Self::Stock];

    /// Its name in the database, in JSON, and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Stock => "stock",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// The kind of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Serialize for ImportKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How rows stand in the lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ImportFormat {
    /// Comma-separated values (RFC 4180); the first line names the columns.
    Csv,
    /// One JSON object in each line.
    JsonLines,
}

/// What rows that are rejected mean for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Acceptance {
    /// Nothing: each row stands for itself.
    EachRow,
    /// That nothing is imported.
    AllOrNothing,
}

/// What the quantities of a file of stock mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockMode {
    /// That so many were counted: so many there are from now on.
    #[default]
    Set,
    /// That so many came, in addition to those that are there.
    Receive,
}

/// How many rows came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Products that were not there before.
    pub created: i32,
    /// Products or stock levels that are different now.
    pub changed: i32,
    /// Rows that say what was so already.
    pub unchanged: i32,
    /// Rows that were rejected.
    pub rejected: i32,
}

impl ImportCounts {
    /// The rows that were taken.
    pub fn accepted(self) -> i32 {
        self.created + self.changed + self.unchanged
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
    }

    /// How many more rejections may be named.
    pub(crate) fn room_for_rejections(self) -> usize {
        MAX_NAMED_REJECTIONS.saturating_sub(usize::try_from(self.rejected).unwrap_or(usize::MAX))
    }
}

/// An import, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// What is imported.
    pub kind: ImportKind,
    /// Lines of the file that are dealt with.
    pub lines_done: i32,
    /// What their rows came to.
    pub counts: ImportCounts,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended; none while it is under way, or was cut off.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An import with what was wrong with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The import.
    pub import: Import,
    /// The rows that were rejected, by line: the first [`MAX_NAMED_REJECTIONS`] of them.
    pub rejections: Vec<Rejection>,
}

/// A row, and the line where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<R> {
    pub(crate) line: i32,
    pub(crate) row: R,
}
