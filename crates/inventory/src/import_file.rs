//! Files that are imported: kept on disk while they are worked on, so that neither their size nor a slow client is a matter
//! of memory or of an open transaction.

mod records;

use std::fs::File;
use std::io::{self, BufReader, Seek};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::domain::import::MAX_IMPORT_LINES;
pub(crate) use records::{Record, RecordText, Records};

/// A file, complete. It has no name, and is gone when this is.
pub struct ImportFile {
    file: File,
    lines: i32,
    digest: [u8; 32],
}

/// A file can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportFileError {
    /// It has more lines than an import may have.
    #[error("the file may have at most {MAX_IMPORT_LINES} lines")]
    TooManyLines,
    /// It has more bytes than the caller allows.
    #[error("the file may have at most {0} bytes")]
    TooLarge(u64),
    /// The disk does not do its part.
    #[error("the file can't be kept: {0}")]
    Disk(#[from] io::Error),
}

impl ImportFile {
    /// Its lines; the last one counts without its end too.
    pub fn lines(&self) -> i32 {
        self.lines
    }

    /// SHA-256 of what is in it, in hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        hex::encode(self.digest)
    }

    pub(crate) fn into_records(self) -> Records<BufReader<File>> {
        Records::new(BufReader::with_capacity(1 << 16, self.file))
    }
}

/// A file that is still coming.
pub struct ImportFileWriter {
    file: tokio::fs::File,
    hasher: Sha256,
    max_bytes: u64,
    bytes: u64,
    line_ends: i32,
    ends_a_line: bool,
}

impl ImportFileWriter {
    /// An empty one, in the folder for temporary files.
    ///
    /// # Errors
    /// When it can't be made.
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

    /// Adds a piece.
    ///
    /// # Errors
    /// When there are too many bytes or lines now, or the disk is full.
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

    /// The file, complete.
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
    async fn a_file_is_the_same_in_whatever_pieces_it_comes() {
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
    async fn a_file_has_a_size_and_a_number_of_lines_that_it_may_not_exceed() {
        let refused = file(&[b"123", b"456"], 5).await;
        assert!(matches!(refused, Err(ImportFileError::TooLarge(5))));
        let most = "\n".repeat(usize::try_from(MAX_IMPORT_LINES).unwrap());
        let taken = file(&[most.as_bytes()], u64::MAX).await.unwrap();
        assert_eq!(taken.lines(), MAX_IMPORT_LINES);
        let refused = file(&[most.as_bytes(), b"x"], u64::MAX).await;
        assert!(matches!(refused, Err(ImportFileError::TooManyLines)));
    }
}
