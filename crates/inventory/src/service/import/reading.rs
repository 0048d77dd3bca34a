//! Reading a file chunk by chunk, in a thread that may wait for the disk.

use std::{io, mem};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::domain::import::parser::{InvalidHeader, MAX_LINE_BYTES, Parser, Row};
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::{ImportFormat, Numbered};
use crate::error::InventoryError;
use crate::import_file::{ImportFile, ImportFileError, Line};
use crate::service::import::CHUNK_ROWS;

/// Chunks that wait to be worked on.
const READ_AHEAD: usize = 1;

/// The rows of some lines in a row. Where one ends depends on the file alone.
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
            Unreadable::Header(error) => Self::ImportHeader(error),
            Unreadable::Disk(error) => Self::ImportFile(ImportFileError::Disk(error)),
        }
    }
}

impl<R: Row> Chunks<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// `ImportHeader`, or `ImportEmpty` when it has no row.
    pub(crate) async fn open(
        file: ImportFile,
        format: ImportFormat,
    ) -> Result<Self, InventoryError> {
        let (sender, mut others) = mpsc::channel(READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(file, format, &sender) {
                // If nobody listens any more, nobody wants to know.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let first = others.recv().await.ok_or(InventoryError::ImportEmpty)??;
        Ok(Self {
            first: Some(first),
            others,
        })
    }

    /// The next chunk; none at the end.
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
    let mut lines = file.into_lines();
    let mut chunk = Chunk::default();
    let Some((number, line)) = lines.next()? else {
        return Ok(());
    };
    let first_line = match line {
        Line::Bytes(bytes) => bytes,
        Line::TooLong => b"",
    };
    let mut parser = Parser::new::<R>(format, first_line)?;
    if !parser.has_header() {
        chunk.read(&mut parser, number, line);
    }
    while let Some((number, line)) = lines.next()? {
        chunk.read(&mut parser, number, line);
        if chunk.len() >= CHUNK_ROWS && sender.blocking_send(Ok(mem::take(&mut chunk))).is_err() {
            return Ok(());
        }
    }
    if chunk.len() > 0 {
        let _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
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
    fn read(&mut self, parser: &mut Parser, number: i32, line: Line<'_>) {
        self.last_line = number;
        let parsed = match line {
            Line::Bytes(bytes) if bytes.trim_ascii().is_empty() => return,
            Line::Bytes(bytes) => parser.parse(number, bytes),
            Line::TooLong => {
                let reason = format!("has more than {MAX_LINE_BYTES} bytes");
                Err(Rejection::new(number, RejectionCode::TooLong, reason))
            }
        };
        match parsed {
            Ok(row) => self.rows.push(Numbered { line: number, row }),
            Err(rejection) => self.rejections.push(rejection),
        }
    }

    fn len(&self) -> usize {
        self.rows.len() + self.rejections.len()
    }
}
