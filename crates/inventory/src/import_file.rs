//! Files to import. They are kept on disk during the import, so that a large file uses no memory and a slow client
//! keeps no transaction open.

mod records;

use std::fs::File;
use std::io::{self, BufReader, Seek};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::domain::import::MAX_IMPORT_LINES;
pub(crate) use records::{Record, RecordText, Records};

/// A completely received file. It is unnamed, and is deleted when this value is dropped.
pub struct ImportFile {
    file: File,
    lines: i32,
    digest: [u8; 32],
}

/// The error for a file that can't be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ImportFileError {
    /// The file has more lines than an import may have.
    #[error("the file may have at most {MAX_IMPORT_LINES} lines")]
    TooManyLines,
    /// The file has more bytes than the caller allows.
    #[error("the file may have at most {0} bytes")]
    TooLarge(u64),
    /// The disk failed.
    #[error("the file can't be stored on disk: {0}")]
    Disk(#[from] io::Error),
}

impl ImportFile {
    /// The number of lines, including a last one without a line end.
    pub fn lines(&self) -> i32 {
        self.lines
    }

    /// The SHA-256 of the content, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        hex::encode(self.digest)
    }

    pub(crate) fn into_records(self) -> Records<BufReader<File>> {
        Records::new(BufReader::with_capacity(1 << 16, self.file))
    }
}

/// A file that is still being received.
pub struct ImportFileWriter {
    file: tokio::fs::File,
    hasher: Sha256,
    max_bytes: u64,
    bytes: u64,
    line_ends: i32,
    ends_a_line: bool,
}

impl ImportFileWriter {
    /// Creates an empty file in the directory for temporary files.
    ///
    /// # Errors
    /// When the file can't be created.
    pub fn new(max_bytes: u64) -> Result<Self, ImportFileError> {
        Ok(Self {
            file: tokio::fs::File::from_std(tempfile::tempfile()?),
            hasher: Sha256::new(),
            max_bytes,
            bytes: 0,
            line_ends: 0,
            ends_a_line: true,
        })
    }

    /// Appends a chunk.
    ///
    /// # Errors
    /// When the file now has too many bytes or lines, or the disk is full.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), ImportFileError> {
        let Some(last) = piece.last() else {
            return Ok(());
        };
        self.bytes += piece.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(ImportFileError::TooLarge(self.max_bytes));
        }
        let ends = piece.iter().filter(|byte| **byte == b'\n').count();
        self.line_ends = self
            .line_ends
            .saturating_add(i32::try_from(ends).unwrap_or(i32::MAX));
        self.ends_a_line = *last == b'\n';
        self.check_lines()?;
        self.hasher.update(piece);
        Ok(self.file.write_all(piece).await?)
    }

    fn lines(&self) -> i32 {
        self.line_ends.saturating_add(i32::from(!self.ends_a_line))
    }

    fn check_lines(&self) -> Result<(), ImportFileError> {
        match self.lines() <= MAX_IMPORT_LINES {
            true => Ok(()),
            false => Err(ImportFileError::TooManyLines),
        }
    }

    /// Returns the complete file.
    ///
    /// # Errors
    /// When the disk is full.
    pub async fn finish(mut self) -> Result<ImportFile, ImportFileError> {
        self.file.flush().await?;
        let lines = self.lines();
        let mut file = self.file.into_std().await;
        file.rewind()?;
        Ok(ImportFile {
            file,
            lines,
            digest: self.hasher.finalize().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn file(pieces: &[&[u8]], max_bytes: u64) -> Result<ImportFile, ImportFileError> {
        let mut writer = ImportFileWriter::new(max_bytes)?;
        for piece in pieces {
            writer.write(piece).await?;
        }
        writer.finish().await
    }

    #[tokio::test]
    async fn the_chunks_of_a_file_do_not_affect_its_lines_or_digest() {
        let whole = file(&[b"one\ntwo\nthree"], 100).await.unwrap();
        let pieces = file(&[b"on", b"", b"e\ntwo\n", b"three"], 13)
            .await
            .unwrap();
        assert_eq!((whole.lines(), pieces.lines()), (3, 3));
        assert_eq!(whole.digest(), pieces.digest());
        assert_eq!(whole.digest().len(), 64);
        let mut records = pieces.into_records();
        let first = records.next().unwrap().unwrap();
        assert_eq!((first.line, first.text), (1, RecordText::Bytes(b"one")));
        let ended = file(&[b"one\ntwo\nthree\n"], 100).await.unwrap();
        assert_eq!(ended.lines(), 3);
        assert_ne!(ended.digest(), whole.digest());
        assert_eq!(file(&[], 100).await.unwrap().lines(), 0);
    }

    #[tokio::test]
    async fn a_file_with_too_many_bytes_or_lines_is_refused() {
        let refused = file(&[b"123", b"456"], 5).await;
        assert!(matches!(refused, Err(ImportFileError::TooLarge(5))));
        let most = "\n".repeat(usize::try_from(MAX_IMPORT_LINES).unwrap());
        let taken = file(&[most.as_bytes()], u64::MAX).await.unwrap();
        assert_eq!(taken.lines(), MAX_IMPORT_LINES);
        let refused = file(&[most.as_bytes(), b"x"], u64::MAX).await;
        assert!(matches!(refused, Err(ImportFileError::TooManyLines)));
    }
}
