//! Parsing of records into rows.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::domain::import::header::{Header, is_blank};
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::row::{Invalid, Row, cells, malformed};

/// Maximum bytes of a line, or of a CSV record that spans several lines, without its line end.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Parses the records of one file in sequence.
pub(crate) struct Parser {
    /// `None` for JSON lines.
    header: Option<Header>,
    /// The line of each key that was already parsed, by the key's digest.
    seen: HashMap<[u8; 16], i32>,
}

impl Parser {
    /// Creates a parser for a file of JSON lines.
    pub(crate) fn json_lines() -> Self {
        Self::new(None)
    }

    /// Creates a parser for the records that follow the header of a CSV file.
    pub(crate) fn csv(header: Header) -> Self {
        Self::new(Some(header))
    }

    fn new(header: Option<Header>) -> Self {
        Self {
            header,
            seen: HashMap::new(),
        }
    }

    /// Parses a record that begins at `line`. Returns `None` if it is blank.
    pub(crate) fn parse<R: Row>(
        &mut self,
        line: i32,
        bytes: &[u8],
    ) -> Result<Option<R>, Rejection> {
        let row = self.read::<R>(bytes);
        let row = row.map_err(|(code, reason)| Rejection::new(line, code, reason))?;
        let Some(row) = row else {
            return Ok(None);
        };
        let first = *self.seen.entry(digest(&row.key())).or_insert(line);
        if first == line {
            return Ok(Some(row));
        }
        let reason = format!("duplicates line {first}");
        Err(Rejection::new(line, RejectionCode::Duplicate, reason))
    }

    fn read<R: Row>(&self, bytes: &[u8]) -> Result<Option<R>, Invalid> {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|_| (RejectionCode::NotUtf8, "is not UTF-8".to_owned()))?;
        if is_blank(text) {
            return Ok(None);
        }
        let Some(header) = &self.header else {
            return R::from_json(text).map(Some);
        };
        let cells = cells(text, header.delimiter());
        let cells = cells.ok_or_else(|| malformed("has a line break outside quotes"))?;
        if cells.iter().all(is_blank) {
            return Ok(None);
        }
        let cells = header.select(&cells).map_err(malformed)?;
        R::from_csv(header.names(), &cells).map(Some)
    }
}

/// A 16-byte digest stands for a key, to save memory. It is long enough to rule out collisions.
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
        Parser::csv(Header::read::<StockRow>(HEADER, None).unwrap())
    }

    fn rejected(line: &[u8]) -> RejectionCode {
        csv().parse::<StockRow>(2, line).unwrap_err().code
    }

    #[test]
    fn cells_may_be_quoted_and_are_in_the_order_of_the_header() {
        let header = Header::read::<StockRow>(b"quantity;sku;warehouseId", None).unwrap();
        let line = format!("7;\"A, \"\"1\"\"\";{WAREHOUSE}");
        let row = Parser::csv(header).parse::<StockRow>(2, line.as_bytes());
        let row = row.unwrap().unwrap();
        assert_eq!((row.sku.as_str(), row.quantity), ("A, \"1\"", 7));
    }

    #[test]
    fn malformed_records_are_rejected_with_the_right_code() {
        use RejectionCode::{Malformed, NotUtf8};
        for (line, code) in [
            (&b"A-1"[..], Malformed),
            (b"A-1,b,c,d", Malformed),
            (b"A-1,\"b,5", Malformed),
            (b"A-1,b,5\"", RejectionCode::InvalidWarehouse),
            (b"A-1,\"b\nc\",5", RejectionCode::InvalidWarehouse),
            (b"A-1,b\rc,d", Malformed),
            (b"A-1\xFF,b,5", NotUtf8),
        ] {
            assert_eq!(rejected(line), code, "{line:?}");
        }
    }

    #[test]
    fn records_with_only_blank_cells_are_skipped() {
        for blank in ["", "  ", ",,", " ,\t,", "\"\",,\" \"", ",,,,,"] {
            assert_eq!(
                csv().parse::<StockRow>(2, blank.as_bytes()),
                Ok(None),
                "{blank:?}"
            );
        }
        let json = Parser::json_lines().parse::<StockRow>(2, b" \t");
        assert_eq!(json, Ok(None));
    }

    #[test]
    fn a_duplicate_row_is_rejected_and_the_reason_names_the_first() {
        let mut parser = csv();
        let line = format!("A-1,{WAREHOUSE},5");
        assert!(parser.parse::<StockRow>(2, line.as_bytes()).is_ok());
        let other = format!("a-1,{WAREHOUSE},5");
        assert!(parser.parse::<StockRow>(3, other.as_bytes()).is_ok());
        let twice = format!(" A-1 ,{WAREHOUSE},6");
        let twice = parser.parse::<StockRow>(4, twice.as_bytes()).unwrap_err();
        assert_eq!(twice.code, RejectionCode::Duplicate);
        assert_eq!(twice.reason, "duplicates line 2");
    }

    proptest! {
        #[test]
        fn any_bytes_parse_as_a_row_or_are_rejected_with_their_line(
            line in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for mut parser in [csv(), Parser::json_lines()] {
                if let Err(rejection) = parser.parse::<StockRow>(7, &line) {
                    prop_assert_eq!(rejection.line, 7);
                    prop_assert!((1..=500).contains(&rejection.reason.chars().count()));
                    prop_assert!(!rejection.reason.contains(char::is_control));
                }
            }
        }
    }
}
