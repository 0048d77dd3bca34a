//! The records of a file: its lines, or several lines that a quoted CSV cell spans.

use std::io::{self, BufRead};

use crate::domain::import::parser::MAX_LINE_BYTES;
use crate::domain::import::quotes::Quotes;

/// The UTF-8 byte order mark, with which spreadsheets begin their files.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the records of a file in sequence, with a bounded buffer.
///
/// Each line is a record until [`Records::follow_quotes`] is called.
pub(crate) struct Records<R> {
    reader: R,
    quotes: Option<Quotes>,
    lines: i32,
    record: Vec<u8>,
}

/// A record and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Its first line, from 1.
    pub(crate) line: i32,
    /// Its last line.
    pub(crate) last_line: i32,
    /// Its text.
    pub(crate) text: RecordText<'a>,
}

/// The text of a record, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordText<'a> {
    /// A text within the length limit.
    Bytes(&'a [u8]),
    /// The text exceeds the length limit.
    TooLong,
    /// The file ends inside a quoted cell, which therefore swallows the rest of the file.
    Unclosed,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            quotes: None,
            lines: 0,
            record: Vec::new(),
        }
    }

    /// From the next record on, a line break inside quotes doesn't end a record.
    pub(crate) fn follow_quotes(&mut self, delimiter: u8) {
        self.quotes = Some(Quotes::new(delimiter));
    }

    /// Returns the next bytes (at most 8) without consuming them.
    pub(crate) fn peek(&mut self) -> io::Result<&[u8]> {
        let piece = self.reader.fill_buf()?;
        Ok(&piece[..piece.len().min(8)])
    }

    /// Returns the next record, or `None` at the end. A record that is too long is never buffered as a whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        self.record.clear();
        let line = self.lines + 1;
        let (mut last, mut is_too_long) = (None, false);
        loop {
            let piece = self.reader.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            let (used, line_ends, is_whole) = scan(piece, self.quotes.as_mut());
            // Plus two bytes for a line end.
            is_too_long |= self.record.len() + used > MAX_LINE_BYTES + 2;
            if !is_too_long {
                self.record.extend_from_slice(&piece[..used]);
            }
            last = Some(piece[used - 1]);
            self.lines += line_ends;
            self.reader.consume(used);
            if is_whole {
                break;
            }
        }
        match last {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(_) => self.lines += 1,
        }
        let text = match self.quotes {
            Some(quotes) if quotes.are_open() => RecordText::Unclosed,
            _ if is_too_long => RecordText::TooLong,
            _ => bounded(&self.record, line == 1),
        };
        Ok(Some(Record {
            line,
            last_line: self.lines,
            text,
        }))
    }
}

/// Returns how many bytes of a chunk belong to the record, how many lines end in them, and whether the record ends
/// there.
fn scan(piece: &[u8], quotes: Option<&mut Quotes>) -> (usize, i32, bool) {
    let Some(quotes) = quotes else {
        return match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, 1, true),
            None => (piece.len(), 0, false),
        };
    };
    let mut line_ends = 0;
    for (at, byte) in piece.iter().enumerate() {
        quotes.step(*byte);
        if *byte == b'\n' {
            line_ends += 1;
            if !quotes.are_open() {
                return (at + 1, line_ends, true);
            }
        }
    }
    (piece.len(), line_ends, false)
}

fn bounded(record: &[u8], is_first: bool) -> RecordText<'_> {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let record = record.strip_suffix(b"\r").unwrap_or(record);
    let record = match is_first {
        true => record.strip_prefix(BYTE_ORDER_MARK).unwrap_or(record),
        false => record,
    };
    match record.len() > MAX_LINE_BYTES {
        true => RecordText::TooLong,
        false => RecordText::Bytes(record),
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use csv::{ReaderBuilder, StringRecord};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::import::row::cells;

    /// First line, last line, and the text unless it is too long.
    type Found = (i32, i32, Option<Vec<u8>>);

    fn records(text: &[u8], buffer: usize, delimiter: Option<u8>) -> Vec<Found> {
        let mut records = Records::new(BufReader::with_capacity(buffer, text));
        if let Some(delimiter) = delimiter {
            records.follow_quotes(delimiter);
        }
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let text = match record.text {
                RecordText::Bytes(bytes) => Some(bytes.to_vec()),
                RecordText::TooLong | RecordText::Unclosed => None,
            };
            found.push((record.line, record.last_line, text));
        }
        found
    }

    fn texts(found: Vec<Found>) -> Vec<Option<Vec<u8>>> {
        found.into_iter().map(|(_, _, text)| text).collect()
    }

    fn text(line: &str) -> Option<Vec<u8>> {
        Some(line.as_bytes().to_vec())
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_the_last_line_end_is_optional() {
        for (buffer, delimiter) in [(1, None), (3, None), (100, None), (2, Some(b','))] {
            let found = texts(records(b"one\r\ntwo\n\nthr\ree", buffer, delimiter));
            assert_eq!(found, [text("one"), text("two"), text(""), text("thr\ree")]);
            assert_eq!(texts(records(b"one\n", buffer, delimiter)), [text("one")]);
            assert!(records(b"", buffer, delimiter).is_empty());
        }
    }

    #[test]
    fn a_byte_order_mark_is_stripped_from_the_first_line() {
        let found = texts(records("\u{FEFF}one\n\u{FEFF}two".as_bytes(), 2, None));
        assert_eq!(found, [text("one"), text("\u{FEFF}two")]);
    }

    #[test]
    fn a_line_break_inside_quotes_does_not_end_a_record() {
        let file = b"a,\"b\nc\r\n\"\"d\n\"\nnext\n\"e\"\nf\"g\nh";
        for buffer in [1, 4, 100] {
            let found = records(file, buffer, Some(b','));
            let expected = [
                (1, 4, text("a,\"b\nc\r\n\"\"d\n\"")),
                (5, 5, text("next")),
                (6, 6, text("\"e\"")),
                (7, 7, text("f\"g")),
                (8, 8, text("h")),
            ];
            assert_eq!(found, expected);
            assert_eq!(records(file, buffer, None).len(), 8);
        }
    }

    #[test]
    fn an_unclosed_quote_swallows_the_rest_of_the_file() {
        let mut records = Records::new(&b"a\n\"b\nc,d,e\nf\n"[..]);
        records.follow_quotes(b',');
        assert_eq!(records.next().unwrap().unwrap().line, 1);
        let unclosed = records.next().unwrap().unwrap();
        assert_eq!((unclosed.line, unclosed.last_line), (2, 4));
        assert_eq!(unclosed.text, RecordText::Unclosed);
        assert_eq!(records.next().unwrap(), None);
    }

    #[test]
    fn a_record_has_a_maximum_length_and_reading_continues_after_a_longer_one() {
        let longest = vec![b'x'; MAX_LINE_BYTES];
        let longer = vec![b'x'; MAX_LINE_BYTES + 1];
        let much_longer = vec![b'x'; 10 * MAX_LINE_BYTES];
        let file = [
            &longest[..],
            b"\r",
            &b"\n"[..],
            &longer[..],
            b"\n",
            &much_longer[..],
            b"\nend",
        ];
        for delimiter in [None, Some(b',')] {
            let found = texts(records(&file.concat(), 1000, delimiter));
            let expected = [Some(longest.clone()), None, None, text("end")];
            assert_eq!(found, expected);
        }
        let lines = "x\n".repeat(MAX_LINE_BYTES);
        let quoted = format!("\"{lines}\"\nend");
        let found = texts(records(quoted.as_bytes(), 1000, Some(b',')));
        assert_eq!(found, [None, text("end")]);
    }

    proptest! {
        #[test]
        fn records_equal_those_of_a_csv_reader_over_the_whole_file(
            file in "[ab,;\"\n]{0,60}", delimiter in prop::sample::select(&[b',', b';'][..]),
        ) {
            let mut reader = ReaderBuilder::new();
            let reader = reader.has_headers(false).flexible(true).delimiter(delimiter);
            let mut reader = reader.from_reader(file.as_bytes());
            let whole: Vec<StringRecord> = reader.records().map(Result::unwrap).collect();
            let mut ours = Vec::new();
            let mut is_closed = true;
            for (_, _, text) in records(file.as_bytes(), 7, Some(delimiter)) {
                match text {
                    Some(text) if text.is_empty() => {}
                    Some(text) => ours.push(cells(std::str::from_utf8(&text).unwrap(), delimiter).unwrap()),
                    None => is_closed = false,
                }
            }
            let closed = whole.len() - usize::from(!is_closed);
            prop_assert_eq!(&ours[..], &whole[..closed]);
        }
    }
}
