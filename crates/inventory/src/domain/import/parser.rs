//! Records that become rows.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::domain::import::header::{Header, is_blank};
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::row::{Invalid, Row, cells, malformed};

/// Most bytes of a line, or of a CSV record that goes over several, without its end.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Reads the records of one file, in their order.
pub(crate) struct Parser {
    /// None for JSON lines.
    header: Option<Header>,
    /// The lines of the keys that were there, by digest.
    seen: HashMap<[u8; 16], i32>,
}

impl Parser {
    /// A parser for a file of JSON lines.
    pub(crate) fn json_lines() -> Self {
        Self::new(None)
    }

    /// A parser for the records of a CSV file that follow its header.
    pub(crate) fn csv(header: Header) -> Self {
        Self::new(Some(header))
    }

    fn new(header: Option<Header>) -> Self {
        Self {
            header,
            seen: HashMap::new(),
        }
    }

    /// Reads a record that begins at `line`. `None`: it is blank.
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
        let reason = format!("line {first} is about the same");
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
        Parser::csv(Header::read::<StockRow>(HEADER, None).unwrap())
    }

    fn rejected(line: &[u8]) -> RejectionCode {
        csv().parse::<StockRow>(2, line).unwrap_err().code
    }

    #[test]
    fn cells_may_be_quoted_and_follow_the_header() {
        let header = Header::read::<StockRow>(b"quantity;sku;warehouseId", None).unwrap();
        let line = format!("7;\"A, \"\"1\"\"\";{WAREHOUSE}");
        let row = Parser::csv(header).parse::<StockRow>(2, line.as_bytes());
        let row = row.unwrap().unwrap();
        assert_eq!((row.sku.as_str(), row.quantity), ("A, \"1\"", 7));
    }

    #[test]
    fn a_record_that_is_no_row_spoils_itself_only() {
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
    fn records_of_nothing_but_blank_cells_are_no_rows() {
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
