//! Imports of products, prices or stock from a file, and the outcome of each line.

pub(crate) mod header;
pub(crate) mod parser;
pub(crate) mod planned_stock;
pub(crate) mod price_row;
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

/// Maximum lines of a file, including its header and blank lines.
pub(crate) const MAX_IMPORT_LINES: i32 = 250_000;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// Products and their prices, by SKU.
    Products,
    /// Prices of price lists.
    Prices,
    /// Quantities of products in warehouses.
    Stock,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    ImportKind,
    "What the file contains.",
    oms_validation::openapi::words(ImportKind::ALL.map(ImportKind::as_str))
}

impl ImportKind {
    const ALL: [Self; 3] = [Self::Products, Self::Prices, Self::Stock];

    /// Its name in the database, in JSON, and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Prices => "prices",
            Self::Stock => "stock",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that a newer version of the program wrote.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Serialize for ImportKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ImportFormat {
    /// Comma-separated values (RFC 4180); the first line names the columns.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// The effect of rejected rows on the other rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Acceptance {
    /// None: each row is imported on its own.
    EachRow,
    /// A rejected row prevents the import of all rows.
    AllOrNothing,
}

/// The meaning of the quantities in a stock file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockMode {
    /// Counted units: the quantity becomes the units on hand.
    #[default]
    Set,
    /// Received units: the quantity is added to the units on hand.
    Receive,
}

/// The number of rows by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Rows that created a product.
    pub created: i32,
    /// Rows that changed a product, a price or a stock level.
    pub changed: i32,
    /// Rows that matched what was already stored.
    pub unchanged: i32,
    /// Rows that were rejected.
    pub rejected: i32,
}

impl ImportCounts {
    /// The rows that were accepted.
    pub fn accepted(self) -> i32 {
        self.created + self.changed + self.unchanged
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
    }

    /// The number of further rejections that the report can list.
    pub(crate) fn room_for_rejections(self) -> usize {
        MAX_NAMED_REJECTIONS.saturating_sub(usize::try_from(self.rejected).unwrap_or(usize::MAX))
    }
}

/// An import and its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its ID.
    pub id: ImportId,
    /// What the file contains.
    pub kind: ImportKind,
    /// Lines of the file that were processed.
    pub lines_done: i32,
    /// The outcomes of their rows.
    pub counts: ImportCounts,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it finished; `None` while it is in progress or interrupted.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An import with its rejected rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The import.
    pub import: Import,
    /// The first [`MAX_NAMED_REJECTIONS`] rejected rows, ordered by line.
    pub rejections: Vec<Rejection>,
}

/// A row and its line number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<R> {
    pub(crate) line: i32,
    pub(crate) row: R,
}
