//! What a record of a file says, and why it says nothing.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use oms_errors::FieldError;
use oms_validation::json::{self, InvalidJson};
use serde::de::DeserializeOwned;

use crate::domain::import::quotes::Quotes;
use crate::domain::import::rejection::RejectionCode;

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

/// A row that is none.
pub(crate) fn malformed(reason: impl Into<String>) -> Invalid {
    (RejectionCode::Malformed, reason.into())
}

/// A line that is one JSON object.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    json::from_slice(text.as_bytes()).map_err(|error| match error {
        InvalidJson::Syntax(error) => {
            let said = error.to_string();
            // Each line is read alone, so that its number is always 1.
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

/// What a library says of a line, cut to what a report and a column of text can bear.
pub(crate) fn complaint(error: impl std::fmt::Display) -> Invalid {
    let text = error.to_string();
    let readable = text
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    malformed(readable.take(MAX_COMPLAINT).collect::<String>())
}

/// The cells of a record whose quotes are closed; none when it is more than one record.
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
    // A record without a character is none to the reader, and one blank cell to us.
    let is_one = text.is_empty()
        || matches!(reader.read_record(&mut first), Ok(true))
            && matches!(reader.read_record(&mut second), Ok(false));
    is_one.then_some(first)
}
