//! Lines that become rows.
//!
//! Each line is a row of its own, also in CSV: a quote that is never closed spoils one row, not the rest of the file.

use std::collections::HashMap;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::domain::import::ImportFormat;
use crate::domain::import::rejection::{Rejection, RejectionCode};

/// Most bytes of a line, without its end.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Longest complaint of a library about a line that is repeated to the client, in characters.
const MAX_COMPLAINT: usize = 200;

/// Why a line is no row.
pub(crate) type Invalid = (RejectionCode, String);

/// What a line of a kind of file says.
pub(crate) trait Row: Sized + Send + 'static {
    /// The columns of a CSV file, each of which has to be there, in any order.
    const COLUMNS: &'static [&'static str];

    /// Reads the cells of a line.
    fn from_csv(header: &StringRecord, cells: &StringRecord) -> Result<Self, Invalid>;

    /// Reads a JSON object.
    fn from_json(text: &str) -> Result<Self, Invalid>;

    /// What no two rows of a file have in common.
    fn key(&self) -> String;
}

/// The first line of a CSV file does not name the columns that there have to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the first line has to name the columns {}, in any order", .columns.join(","))]
pub struct InvalidHeader {
    /// The columns.
    pub columns: &'static [&'static str],
}

/// Reads the lines of one file, in their order.
pub(crate) struct Parser {
    /// None for JSON lines.
    header: Option<StringRecord>,
    /// The lines of the keys that were there, by digest.
    seen: HashMap<[u8; 16], i32>,
}

impl Parser {
    /// A parser for a file of rows `R`, of which `first_line` is the first line.
    ///
    /// # Errors
    /// When it is a CSV file that does not begin with its columns.
    pub(crate) fn new<R: Row>(
        format: ImportFormat,
        first_line: &[u8],
    ) -> Result<Self, InvalidHeader> {
        let header = match format {
            ImportFormat::JsonLines => None,
            ImportFormat::Csv => Some(header::<R>(first_line)?),
        };
        Ok(Self {
            header,
            seen: HashMap::new(),
        })
    }

    /// Whether the first line is a header and no row.
    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Reads a line; none is too long for it.
    pub(crate) fn parse<R: Row>(&mut self, line: i32, bytes: &[u8]) -> Result<R, Rejection> {
        let row = self.read::<R>(bytes);
        let row = row.map_err(|(code, reason)| Rejection::new(line, code, reason))?;
        let first = *self.seen.entry(digest(&row.key())).or_insert(line);
        if first == line {
            return Ok(row);
        }
        let reason = format!("line {first} is about the same");
        Err(Rejection::new(line, RejectionCode::Duplicate, reason))
    }

    fn read<R: Row>(&self, bytes: &[u8]) -> Result<R, Invalid> {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|_| (RejectionCode::NotUtf8, "is not UTF-8".to_owned()))?;
        match &self.header {
            None => R::from_json(text),
            Some(header) => {
                let cells = cells(text);
                let cells = cells
                    .ok_or_else(|| malformed("has a quote that is not closed, or a line break"))?;
                if cells.len() != header.len() {
                    let (found, wanted) = (cells.len(), header.len());
                    return Err(malformed(format!("has {found} cells in place of {wanted}")));
                }
                R::from_csv(header, &cells)
            }
        }
    }
}

/// A row that is none.
pub(crate) fn malformed(reason: impl Into<String>) -> Invalid {
    (RejectionCode::Malformed, reason.into())
}

/// A line that is one JSON object. serde reads a struct from an array of the values of its fields as well, which is no row.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    if !text.trim_start().starts_with('{') {
        return Err(malformed("is not a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        // Each line is read alone, so that its number is always 1.
        match said.rsplit_once(" at line 1 column ") {
            Some((said, column)) => complaint(format!("{said}, at column {column}")),
            None => complaint(said),
        }
    })
}

/// What a library says of a line, cut to what a report and a column of text can bear.
pub(crate) fn complaint(error: impl std::fmt::Display) -> Invalid {
    let text = error.to_string();
    let readable = text
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    malformed(readable.take(MAX_COMPLAINT).collect::<String>())
}

fn header<R: Row>(line: &[u8]) -> Result<StringRecord, InvalidHeader> {
    let invalid = InvalidHeader {
        columns: R::COLUMNS,
    };
    let text = std::str::from_utf8(line).ok();
    let Some(mut header) = text.and_then(cells) else {
        return Err(invalid);
    };
    header.trim();
    let mut found: Vec<&str> = header.iter().collect();
    let mut wanted = R::COLUMNS.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    match found == wanted {
        true => Ok(header),
        false => Err(invalid),
    }
}

/// The cells of a line; none when it is not one record, or ends inside quotes: then its end is part of the last cell.
fn cells(text: &str) -> Option<StringRecord> {
    let mut reader = ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true);
    let reader = reader.buffer_capacity(text.len() + 1);
    let mut reader = reader.from_reader(text.as_bytes().chain(&b"\n"[..]));
    let (mut first, mut second) = (StringRecord::new(), StringRecord::new());
    let is_one = matches!(reader.read_record(&mut first), Ok(true))
        && matches!(reader.read_record(&mut second), Ok(false));
    let is_open = first.iter().any(|cell| cell.contains('\n'));
    (is_one && !is_open).then_some(first)
}

/// Sixteen bytes for each row of a file are kept in place of its key: no two keys have the same.
fn digest(key: &str) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(key)[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::import::stock_row::StockRow;

    const HEADER: &[u8] = b"sku,warehouseId,quantity";
    const WAREHOUSE: &str = "00000001-0000-4000-8000-000000000000";

    fn csv() -> Parser {
        Parser::new::<StockRow>(ImportFormat::Csv, HEADER).unwrap()
    }

    fn rejected(line: &[u8]) -> RejectionCode {
        csv().parse::<StockRow>(2, line).unwrap_err().code
    }

    #[test]
    fn columns_may_stand_in_any_order_and_all_have_to_be_there() {
        for good in ["sku,warehouseId,quantity", "quantity, sku ,\"warehouseId\""] {
            assert!(Parser::new::<StockRow>(ImportFormat::Csv, good.as_bytes()).is_ok());
        }
        for wrong in [
            "",
            "sku,warehouseId",
            "sku,warehouseId,quantity,colour",
            "sku,sku,quantity",
            "SKU,warehouseId,quantity",
            "A-1,00000001-0000-4000-8000-000000000000,5",
        ] {
            let refused = Parser::new::<StockRow>(ImportFormat::Csv, wrong.as_bytes());
            let message = refused.err().unwrap().to_string();
            assert!(message.contains("sku,warehouseId,quantity"), "{message}");
        }
        let not_utf8 = Parser::new::<StockRow>(ImportFormat::Csv, b"sku\xFF,warehouseId,quantity");
        assert!(not_utf8.is_err());
    }

    #[test]
    fn cells_may_be_quoted_and_follow_the_header() {
        let mut parser =
            Parser::new::<StockRow>(ImportFormat::Csv, b"quantity,sku,warehouseId").unwrap();
        let line = format!("7,\"A, \"\"1\"\"\",{WAREHOUSE}");
        let row: StockRow = parser.parse(2, line.as_bytes()).unwrap();
        assert_eq!((row.sku.as_str(), row.quantity), ("A, \"1\"", 7));
    }

    #[test]
    fn a_line_that_is_no_row_spoils_itself_only() {
        use RejectionCode::{Malformed, NotUtf8};
        for (line, code) in [
            (&b"A-1"[..], Malformed),
            (b"A-1,b,c,d", Malformed),
            (b"A-1,\"b,5", Malformed),
            (b"A-1,b,\"5", Malformed),
            (b"A-1,b,5\"", RejectionCode::InvalidWarehouse),
            (b"A-1,b\rc,d", Malformed),
            (b"A-1\xFF,b,5", NotUtf8),
        ] {
            assert_eq!(rejected(line), code, "{line:?}");
        }
    }

    #[test]
    fn a_second_row_about_the_same_thing_is_rejected_and_names_the_first() {
        let mut parser = csv();
        let line = format!("A-1,{WAREHOUSE},5");
        assert!(parser.parse::<StockRow>(2, line.as_bytes()).is_ok());
        let other = format!("a-1,{WAREHOUSE},5");
        assert!(parser.parse::<StockRow>(3, other.as_bytes()).is_ok());
        let twice = format!(" A-1 ,{WAREHOUSE},6");
        let twice = parser.parse::<StockRow>(4, twice.as_bytes()).unwrap_err();
        assert_eq!(twice.code, RejectionCode::Duplicate);
        assert_eq!(twice.reason, "line 2 is about the same");
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_line_it_is_a_row_or_rejected_as_that_line(
            line in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for format in [ImportFormat::Csv, ImportFormat::JsonLines] {
                let mut parser = Parser::new::<StockRow>(format, HEADER).unwrap();
                if let Err(rejection) = parser.parse::<StockRow>(7, &line) {
                    prop_assert_eq!(rejection.line, 7);
                    prop_assert!((1..=500).contains(&rejection.reason.chars().count()));
                    prop_assert!(!rejection.reason.contains(char::is_control));
                }
            }
        }
    }
}
