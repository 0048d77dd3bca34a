//! Reads a file chunk by chunk, in a thread that may block on the disk.

use std::io::{self, BufRead};
use std::mem;

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::domain::import::header::{
    Header, InvalidHeader, delimiter_of, is_blank_line, unsupported_encoding,
};
use crate::domain::import::parser::{MAX_LINE_BYTES, Parser};
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::row::Row;
use crate::domain::import::{ImportFormat, Numbered};
use crate::error::InventoryError;
use crate::import_file::{ImportFile, ImportFileError, Record, RecordText, Records};
use crate::service::import::CHUNK_ROWS;

/// The number of chunks to read ahead.
const READ_AHEAD: usize = 1;

/// The rows of successive records. Chunk boundaries depend only on the file, so a repeated import has the same ones.
pub(crate) struct Chunk<R> {
    pub(crate) rows: Vec<Numbered<R>>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) last_line: i32,
}

/// The chunks of a file.
pub(crate) struct Chunks<R> {
    first: Option<Chunk<R>>,
    others: Receiver<Result<Chunk<R>, Unreadable>>,
}

enum Unreadable {
    Encoding(&'static str),
    Header(InvalidHeader),
    Disk(io::Error),
}

impl From<InvalidHeader> for Unreadable {
    fn from(error: InvalidHeader) -> Self {
        Self::Header(error)
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Unreadable> for InventoryError {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Encoding(name) => Self::ImportEncoding(name),
            Unreadable::Header(error) => Self::ImportHeader(error),
            Unreadable::Disk(error) => Self::ImportFile(ImportFileError::Disk(error)),
        }
    }
}

impl<R: Row> Chunks<R> {
    /// Starts to read a file.
    ///
    /// # Errors
    /// `ImportEncoding`, `ImportHeader`, or `ImportEmpty` if the file has no rows.
    pub(crate) async fn open(
        file: ImportFile,
        format: ImportFormat,
    ) -> Result<Self, InventoryError> {
        let (sender, mut others) = mpsc::channel(READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(file, format, &sender) {
                // A closed channel means that the import was dropped.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let first = others.recv().await.ok_or(InventoryError::ImportEmpty)??;
        Ok(Self {
            first: Some(first),
            others,
        })
    }

    /// Returns the next chunk, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk<R>>, InventoryError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => Ok(self.others.recv().await.transpose()?),
        }
    }
}

fn read<R: Row>(
    file: ImportFile,
    format: ImportFormat,
    sender: &Sender<Result<Chunk<R>, Unreadable>>,
) -> Result<(), Unreadable> {
    let mut records = file.into_records();
    if let Some(name) = unsupported_encoding(records.peek()?) {
        return Err(Unreadable::Encoding(name));
    }
    let Some(mut parser) = parser_for::<R>(&mut records, format)? else {
        return Ok(());
    };
    let mut chunk = Chunk::default();
    while let Some(record) = records.next()? {
        chunk.read(&mut parser, record);
        if chunk.len() >= CHUNK_ROWS && sender.blocking_send(Ok(mem::take(&mut chunk))).is_err() {
            return Ok(());
        }
    }
    if chunk.len() > 0 {
        let _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
}

/// Reads the header, if the format has one, and returns the parser for the records after it. Returns `None` for an
/// empty file.
fn parser_for<R: Row>(
    records: &mut Records<impl BufRead>,
    format: ImportFormat,
) -> Result<Option<Parser>, Unreadable> {
    if format == ImportFormat::JsonLines {
        return Ok(Some(Parser::json_lines()));
    }
    let mut delimiter = None;
    while let Some(record) = records.next()? {
        let line = match record.text {
            RecordText::Bytes(bytes) => bytes,
            RecordText::TooLong | RecordText::Unclosed => b"",
        };
        if record.text != RecordText::TooLong && is_blank_line(line) {
            continue;
        }
        if delimiter.is_none() {
            delimiter = delimiter_of::<R>(line)?;
            if delimiter.is_some() {
                continue;
            }
        }
        let header = Header::read::<R>(line, delimiter)?;
        records.follow_quotes(header.delimiter());
        return Ok(Some(Parser::csv(header)));
    }
    Ok(None)
}

impl<R> Default for Chunk<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            rejections: Vec::new(),
            last_line: 0,
        }
    }
}

impl<R: Row> Chunk<R> {
    fn read(&mut self, parser: &mut Parser, record: Record<'_>) {
        let line = record.line;
        self.last_line = record.last_line;
        let rejection = |code, reason: String| Err(Rejection::new(line, code, reason));
        let parsed = match record.text {
            RecordText::Bytes(bytes) => parser.parse(line, bytes),
            RecordText::TooLong => rejection(
                RejectionCode::TooLong,
                format!("has more than {MAX_LINE_BYTES} bytes"),
            ),
            RecordText::Unclosed => rejection(
                RejectionCode::Malformed,
                "has an unclosed quote, so the rest of the file is part of this row and was not imported"
                    .to_owned(),
            ),
        };
        match parsed {
            Ok(Some(row)) => self.rows.push(Numbered { line, row }),
            Ok(None) => {}
            Err(rejection) => self.rejections.push(rejection),
        }
    }

    fn len(&self) -> usize {
        self.rows.len() + self.rejections.len()
    }
}
