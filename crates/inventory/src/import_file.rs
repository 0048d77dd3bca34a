//! Files that are imported: kept on disk while they are worked on, so that neither their size nor a slow client is a matter
//! of memory or of an open transaction.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::domain::import::MAX_IMPORT_LINES;
use crate::domain::import::parser::MAX_LINE_BYTES;

/// Spreadsheets begin their files with it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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

    pub(crate) fn into_lines(self) -> Lines<BufReader<File>> {
        Lines::new(BufReader::with_capacity(1 << 16, self.file))
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

/// The lines of a file, one after the other, in a bounded buffer.
pub(crate) struct Lines<R> {
    reader: R,
    number: i32,
    line: Vec<u8>,
}

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// It is as long as a line may be, or shorter.
    Bytes(&'a [u8]),
    /// It is longer.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            line: Vec::new(),
        }
    }

    /// The next line and its number, from 1; none at the end. Of a line that is too long only a part is ever in memory.
    pub(crate) fn next(&mut self) -> io::Result<Option<(i32, Line<'_>)>> {
        self.line.clear();
        let (mut is_there, mut is_too_long) = (false, false);
        loop {
            let piece = self.reader.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            is_there = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let (text, used) = match end {
                Some(end) => (&piece[..end], end + 1),
                None => (piece, piece.len()),
            };
            // One more, for the carriage return of an end of two.
            is_too_long |= self.line.len() + text.len() > MAX_LINE_BYTES + 1;
            if !is_too_long {
                self.line.extend_from_slice(text);
            }
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !is_there {
            return Ok(None);
        }
        self.number += 1;
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let line = match self.number {
            1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            _ => line,
        };
        let line = match is_too_long || line.len() > MAX_LINE_BYTES {
            true => Line::TooLong,
            false => Line::Bytes(line),
        };
        Ok(Some((self.number, line)))
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

    fn lines(text: &[u8], buffer: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, text));
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push(match line {
                Line::Bytes(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
            assert_eq!(usize::try_from(number).unwrap(), found.len());
        }
        found
    }

    #[test]
    fn lines_end_in_either_way_and_the_last_one_need_not() {
        let text = |line: &str| Some(line.as_bytes().to_vec());
        for buffer in [1, 3, 100] {
            let found = lines(b"one\r\ntwo\n\nthr\ree", buffer);
            assert_eq!(found, [text("one"), text("two"), text(""), text("thr\ree")]);
            assert_eq!(lines(b"one\n", buffer), [text("one")]);
            assert_eq!(lines(b"", buffer), Vec::<Option<Vec<u8>>>::new());
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let text = |line: &str| Some(line.as_bytes().to_vec());
        let found = lines("\u{FEFF}one\n\u{FEFF}two".as_bytes(), 2);
        assert_eq!(found, [text("one"), text("\u{FEFF}two")]);
    }

    #[test]
    fn a_line_may_have_so_many_bytes_and_the_next_one_is_read_after_a_longer_one() {
        let longest = vec![b'x'; MAX_LINE_BYTES];
        let longer = vec![b'x'; MAX_LINE_BYTES + 1];
        let much_longer = vec![b'x'; 10 * MAX_LINE_BYTES];
        let text = [
            &longest[..],
            b"\r",
            &b"\n"[..],
            &longer[..],
            b"\n",
            &much_longer[..],
            b"\nend",
        ];
        let found = lines(&text.concat(), 1000);
        assert_eq!(found, [Some(longest), None, None, Some(b"end".to_vec())]);
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
        let mut lines = pieces.into_lines();
        assert_eq!(lines.next().unwrap(), Some((1, Line::Bytes(b"one"))));
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
