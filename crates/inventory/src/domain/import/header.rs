//! The header of a CSV file, which names its columns.

use csv::StringRecord;

use crate::domain::import::row::{Row, cells};

/// The supported delimiters. Spreadsheets choose one by the user's locale.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Maximum characters of an invalid header that are repeated to the client.
const MAX_FOUND: usize = 100;

/// The error for a CSV file whose first record does not name the columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the first line must name the columns {}, in any order, but {found}", .columns.join(","))]
pub struct InvalidHeader {
    /// The expected columns.
    pub columns: &'static [&'static str],
    /// What the line has instead.
    pub found: String,
}

/// The layout of a file's rows.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    delimiter: u8,
    /// The names of the named columns.
    names: StringRecord,
    /// The positions of the named columns.
    positions: Vec<usize>,
    /// The number of all columns, named or not.
    width: usize,
}

impl Header {
    /// Reads the first record of a file of rows `R`. A preceding line may have set the delimiter.
    ///
    /// # Errors
    /// When it does not name each column of `R` exactly once, or names an unknown one.
    pub(crate) fn read<R: Row>(line: &[u8], delimiter: Option<u8>) -> Result<Self, InvalidHeader> {
        let invalid = |found: String| InvalidHeader {
            columns: R::COLUMNS,
            found,
        };
        let text = std::str::from_utf8(line);
        let text = text.map_err(|_| invalid("it is not UTF-8".to_owned()))?;
        let candidates = DELIMITERS
            .into_iter()
            .filter(|candidate| delimiter.is_none_or(|set| set == *candidate));
        let headers: Vec<Self> = candidates
            .filter_map(|candidate| Self::split(text, candidate))
            .collect();
        let fitting = headers
            .iter()
            .find(|header| header.problem::<R>().is_none());
        if let Some(header) = fitting {
            return Ok(header.clone());
        }
        // The intended delimiter is probably the one that yields the most columns.
        let meant = headers.iter().max_by_key(|header| header.names.len());
        let problem = meant.and_then(Self::problem::<R>);
        Err(invalid(problem.unwrap_or_else(|| {
            "it has an unclosed quote or a line break".to_owned()
        })))
    }

    fn split(text: &str, delimiter: u8) -> Option<Self> {
        let mut cells = cells(text, delimiter)?;
        cells.trim();
        let named = cells
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty());
        let (positions, names): (Vec<usize>, Vec<&str>) = named.unzip();
        Some(Self {
            delimiter,
            names: StringRecord::from(names),
            positions,
            width: cells.len(),
        })
    }

    /// The first problem with the names, worded for [`InvalidHeader::found`].
    fn problem<R: Row>(&self) -> Option<String> {
        let count = |name: &str| self.names.iter().filter(|found| *found == name).count();
        if let Some(unknown) = self.names.iter().find(|name| !R::COLUMNS.contains(name)) {
            return Some(format!("it names `{}`", readable(unknown)));
        }
        let twice = R::COLUMNS.iter().find(|name| count(name) > 1);
        let missing = R::COLUMNS.iter().find(|name| count(name) == 0);
        match (twice, missing) {
            (Some(twice), _) => Some(format!("it names `{twice}` twice")),
            (None, Some(missing)) => Some(format!("it does not name `{missing}`")),
            (None, None) => None,
        }
    }

    /// The delimiter of the cells.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The names of the columns, in the file's order.
    pub(crate) fn names(&self) -> &StringRecord {
        &self.names
    }

    /// Returns the cells of a row that belong to named columns.
    ///
    /// # Errors
    /// When a cell is missing, or a cell beyond the last column is not blank. Spreadsheets pad rows with blank cells.
    pub(crate) fn select(&self, row: &StringRecord) -> Result<StringRecord, String> {
        let beyond = row.iter().skip(self.width).any(|cell| !is_blank(cell));
        let selected: Option<Vec<&str>> = self.positions.iter().map(|at| row.get(*at)).collect();
        match selected {
            Some(selected) if !beyond => Ok(StringRecord::from(selected)),
            _ => Err(format!("has {} cells instead of {}", row.len(), self.width)),
        }
    }
}

/// Returns the delimiter that a line such as `sep=;` sets. Spreadsheets read and write such a line before the header.
///
/// # Errors
/// When the delimiter is not supported.
pub(crate) fn delimiter_of<R: Row>(line: &[u8]) -> Result<Option<u8>, InvalidHeader> {
    let Some(set) = line.trim_ascii_end().get(4..) else {
        return Ok(None);
    };
    if !line[..4].eq_ignore_ascii_case(b"sep=") || line.contains(&b',') && set != b"," {
        return Ok(None);
    }
    // `sep=` and a tab: the tab is the delimiter, not the end of the line.
    let set = if set.is_empty() { &line[4..] } else { set };
    match set {
        [delimiter] if DELIMITERS.contains(delimiter) => Ok(Some(*delimiter)),
        _ => Err(InvalidHeader {
            columns: R::COLUMNS,
            found: "the line before it sets a separator other than `,`, `;`, a tab or `|`"
                .to_owned(),
        }),
    }
}

/// Whether a line before the header consists only of blanks, quotes and delimiters.
pub(crate) fn is_blank_line(line: &[u8]) -> bool {
    line.iter()
        .all(|byte| byte.is_ascii_whitespace() || *byte == b'"' || DELIMITERS.contains(byte))
}

/// Whether a cell is blank.
pub(crate) fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// Describes the encoding of a file that is recognisably not UTF-8 text by its first bytes. `None` if it may be.
pub(crate) fn unsupported_encoding(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 7] = [
        (b"\xFF\xFE", "UTF-16; save it as CSV in UTF-8"),
        (b"\xFE\xFF", "UTF-16; save it as CSV in UTF-8"),
        (b"\x1F\x8B", "compressed with gzip; send it uncompressed"),
        (
            b"\x28\xB5\x2F\xFD",
            "compressed with zstd; send it uncompressed",
        ),
        (b"BZh", "compressed with bzip2; send it uncompressed"),
        (
            b"PK\x03\x04",
            "a ZIP archive or a workbook; save the sheet as CSV in UTF-8",
        ),
        (
            b"\xD0\xCF\x11\xE0",
            "a workbook; save the sheet as CSV in UTF-8",
        ),
    ];
    let by_mark = known.iter().find(|(mark, _)| start.starts_with(mark));
    // ASCII text in UTF-16 without a mark has a zero byte in each pair.
    let by_zeros = || {
        start
            .contains(&0)
            .then_some("UTF-16 or binary; save it as CSV in UTF-8")
    };
    by_mark.map(|(_, name)| *name).or_else(by_zeros)
}

fn readable(text: &str) -> String {
    let readable = text
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    readable.take(MAX_FOUND).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::import::stock_row::StockRow;

    fn read(line: &str) -> Result<Header, InvalidHeader> {
        Header::read::<StockRow>(line.as_bytes(), None)
    }

    #[test]
    fn columns_may_be_in_any_order_with_any_of_four_delimiters() {
        for good in [
            "sku,warehouseId,quantity",
            "quantity, sku ,\"warehouseId\"",
            "sku;warehouseId;quantity",
            "sku\twarehouseId\tquantity",
            "sku|warehouseId|quantity",
            "sku,warehouseId,quantity,,",
            ";sku;;warehouseId;quantity; ",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        assert_eq!(
            read("sku\twarehouseId\tquantity").unwrap().delimiter(),
            b'\t'
        );
        assert!(Header::read::<StockRow>(b"sku,warehouseId,quantity", Some(b';')).is_err());
    }

    #[test]
    fn the_error_of_a_header_says_what_was_found() {
        for (wrong, found) in [
            ("", "it does not name `sku`"),
            ("sku,warehouseId", "it does not name `quantity`"),
            ("sku;warehouseId;quantity;colour", "it names `colour`"),
            ("sku,sku,quantity,warehouseId", "it names `sku` twice"),
            ("SKU,warehouseId,quantity", "it names `SKU`"),
            (
                "sku:warehouseId:quantity",
                "it names `sku:warehouseId:quantity`",
            ),
            (
                "\"sku,warehouseId,quantity",
                "it has an unclosed quote or a line break",
            ),
        ] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused.found, found, "{wrong}");
            assert!(refused.to_string().contains("sku,warehouseId,quantity"));
        }
        let not_utf8 = Header::read::<StockRow>(b"sku\xFF,warehouseId,quantity", None);
        assert_eq!(not_utf8.unwrap_err().found, "it is not UTF-8");
    }

    #[test]
    fn unnamed_columns_and_padding_cells_are_ignored() {
        let header = read("sku,,warehouseId,quantity,,").unwrap();
        let row = |cells: &[&str]| header.select(&StringRecord::from(cells.to_vec()));
        let selected = StringRecord::from(vec!["A", "W", "5"]);
        for good in [
            &["A", "note", "W", "5", "", ""][..],
            &["A", "", "W", "5"],
            &["A", "", "W", "5", "x", "y", "", " "],
        ] {
            assert_eq!(row(good), Ok(selected.clone()), "{good:?}");
        }
        assert!(row(&["A", "", "W"]).is_err());
        assert!(row(&["A", "", "W", "5", "", "", "x"]).is_err());
    }

    #[test]
    fn a_line_before_the_header_may_set_the_delimiter() {
        let set = |line: &str| delimiter_of::<StockRow>(line.as_bytes());
        for (line, delimiter) in [
            ("sep=;", b';'),
            ("SEP=,", b','),
            ("sep=\t", b'\t'),
            ("sep=; ", b';'),
        ] {
            assert_eq!(set(line), Ok(Some(delimiter)), "{line:?}");
        }
        for other in ["", "sku", "sku,warehouseId,quantity", "sep=a,b"] {
            assert_eq!(set(other), Ok(None), "{other:?}");
        }
        assert!(set("sep=x").is_err());
        assert!(set("sep=;;").is_err());
    }

    #[test]
    fn files_that_are_not_utf8_text_are_recognised() {
        for (start, name) in [
            (&b"\xFF\xFEs\0k\0"[..], "UTF-16"),
            (b"\xFE\xFF\0s", "UTF-16"),
            (b"s\0k\0u\0", "UTF-16"),
            (b"\x1F\x8B\x08", "gzip"),
            (b"PK\x03\x04", "ZIP"),
            (b"\xD0\xCF\x11\xE0\xA1", "workbook"),
        ] {
            assert!(
                unsupported_encoding(start).unwrap().contains(name),
                "{name}"
            );
        }
        for text in [&b""[..], b"sku", b"\xEF\xBB\xBFsku", b"\xC3\xA4"] {
            assert_eq!(unsupported_encoding(text), None);
        }
    }
}
