//! Rows of files, and the helpers that parse them.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use oms_errors::FieldError;
use oms_validation::json::{self, InvalidJson};
use serde::de::DeserializeOwned;

use crate::domain::import::quotes::Quotes;
use crate::domain::import::rejection::RejectionCode;

/// Maximum characters of a library's parse error that are repeated to the client.
const MAX_COMPLAINT: usize = 200;

/// Why a line is not a valid row.
pub(crate) type Invalid = (RejectionCode, String);

/// A row of one kind of file.
pub(crate) trait Row: Sized + Send + 'static {
    /// The columns of a CSV file. All are required, in any order.
    const COLUMNS: &'static [&'static str];

    /// Parses the cells of a line.
    fn from_csv(header: &StringRecord, cells: &StringRecord) -> Result<Self, Invalid>;

    /// Parses a JSON object.
    fn from_json(text: &str) -> Result<Self, Invalid>;

    /// The key, which must be unique in a file.
    fn key(&self) -> String;
}

/// The error for a malformed row.
pub(crate) fn malformed(reason: impl Into<String>) -> Invalid {
    (RejectionCode::Malformed, reason.into())
}

/// Parses a line that is one JSON object.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    json::from_slice(text.as_bytes()).map_err(|error| match error {
        InvalidJson::Syntax(error) => {
            let said = error.to_string();
            // Lines are parsed one at a time, so the reported line number is always 1.
            match said.rsplit_once(" at line 1 column ") {
                Some((said, column)) => complaint(format!("{said}, at column {column}")),
                None => complaint(said),
            }
        }
        InvalidJson::Member(FieldError { field, message }) => match field.as_str() {
            "." => malformed("is not a JSON object"),
            field => complaint(format!("{field} {message}")),
        },
    })
}

/// The error of a parsing library, truncated and without control characters.
pub(crate) fn complaint(error: impl std::fmt::Display) -> Invalid {
    let text = error.to_string();
    let readable = text
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    malformed(readable.take(MAX_COMPLAINT).collect::<String>())
}

/// Returns the cells of one record, or `None` if a quote is unclosed or there is more than one record.
pub(crate) fn cells(text: &str, delimiter: u8) -> Option<StringRecord> {
    let mut quotes = Quotes::new(delimiter);
    text.bytes().for_each(|byte| quotes.step(byte));
    if quotes.are_open() {
        return None;
    }
    let mut reader = ReaderBuilder::new();
    let reader = reader
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter);
    let reader = reader.buffer_capacity(text.len() + 1);
    let mut reader = reader.from_reader(text.as_bytes().chain(&b"\n"[..]));
    let (mut first, mut second) = (StringRecord::new(), StringRecord::new());
    // The reader sees no record in an empty text; it counts as one blank cell here.
    let is_one = text.is_empty()
        || matches!(reader.read_record(&mut first), Ok(true))
            && matches!(reader.read_record(&mut second), Ok(false));
    is_one.then_some(first)
}
