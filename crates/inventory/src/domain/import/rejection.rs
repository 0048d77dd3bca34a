//! Rejected rows.

use oms_validation::newer_word;

/// Maximum rejected rows that a report lists. It counts all of them.
pub const MAX_NAMED_REJECTIONS: usize = 10_000;

/// A rejected row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its line in the file, from 1.
    pub line: i32,
    /// The reason, for programs.
    pub code: RejectionCode,
    /// The reason, for people.
    pub reason: String,
}

impl Rejection {
    pub(crate) fn new(line: i32, code: RejectionCode, reason: impl Into<String>) -> Self {
        Self {
            line,
            code,
            reason: reason.into(),
        }
    }
}

/// Stable codes of rejection, which clients may match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionCode {
    /// The line has too many bytes.
    TooLong,
    /// The line is not UTF-8.
    NotUtf8,
    /// The line has too few or too many cells, or is not a JSON object with the expected members.
    Malformed,
    /// The SKU is blank, too long, or has control characters.
    InvalidSku,
    /// The name is blank, too long, or has control characters.
    InvalidName,
    /// A price is out of range, or two have the same currency.
    InvalidPrice,
    /// A currency is not three upper-case letters, or not that of the price list.
    InvalidCurrency,
    /// The code of the price list is malformed.
    InvalidPriceList,
    /// The warehouse's ID is malformed.
    InvalidWarehouse,
    /// The quantity is not a whole number, or out of range.
    InvalidQuantity,
    /// An earlier row has the same key.
    Duplicate,
    /// No product of the tenant has the SKU.
    UnknownProduct,
    /// No price list of the tenant has the code.
    UnknownPriceList,
    /// No warehouse of the tenant has the ID.
    UnknownWarehouse,
    /// There would be fewer units than orders hold.
    BelowReserved,
    /// There would be more units than a stock level can have.
    TooMuchStock,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

impl RejectionCode {
    /// All known codes.
    pub const ALL: [Self; 16] = [
        Self::TooLong,
        Self::NotUtf8,
        Self::Malformed,
        Self::InvalidSku,
        Self::InvalidName,
        Self::InvalidPrice,
        Self::InvalidCurrency,
        Self::InvalidPriceList,
        Self::InvalidWarehouse,
        Self::InvalidQuantity,
        Self::Duplicate,
        Self::UnknownProduct,
        Self::UnknownPriceList,
        Self::UnknownWarehouse,
        Self::BelowReserved,
        Self::TooMuchStock,
    ];

    /// The code as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "row.too_long",
            Self::NotUtf8 => "row.not_utf8",
            Self::Malformed => "row.malformed",
            Self::InvalidSku => "row.invalid_sku",
            Self::InvalidName => "row.invalid_name",
            Self::InvalidPrice => "row.invalid_price",
            Self::InvalidCurrency => "row.invalid_currency",
            Self::InvalidPriceList => "row.invalid_price_list",
            Self::InvalidWarehouse => "row.invalid_warehouse",
            Self::InvalidQuantity => "row.invalid_quantity",
            Self::Duplicate => "row.duplicate",
            Self::UnknownProduct => "row.unknown_product",
            Self::UnknownPriceList => "row.unknown_price_list",
            Self::UnknownWarehouse => "row.unknown_warehouse",
            Self::BelowReserved => "row.below_reserved",
            Self::TooMuchStock => "row.too_much_stock",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that a newer version of the program wrote.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses a code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

/// The rejections of a whole file. All are counted; the first [`MAX_NAMED_REJECTIONS`] are kept.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    /// How many there are.
    pub count: i32,
    /// The first of them.
    pub named: Vec<Rejection>,
}

impl Rejections {
    pub(crate) fn extend(&mut self, rejections: Vec<Rejection>) {
        self.count += i32::try_from(rejections.len()).unwrap_or(i32::MAX);
        let room = MAX_NAMED_REJECTIONS.saturating_sub(self.named.len());
        self.named.extend(rejections.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_parse_back_and_are_distinct() {
        for code in RejectionCode::ALL {
            assert_eq!(RejectionCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(RejectionCode::parse("row.odd"), None);
    }

    #[test]
    fn all_rejections_are_counted_and_a_bounded_number_is_kept() {
        let mut rejections = Rejections::default();
        for start in [1, 6001] {
            let lines = start..start + 6000;
            let found = lines.map(|line| Rejection::new(line, RejectionCode::Malformed, "x"));
            rejections.extend(found.collect());
        }
        assert_eq!(rejections.count, 12_000);
        assert_eq!(rejections.named.len(), MAX_NAMED_REJECTIONS);
        assert_eq!(rejections.named.last().unwrap().line, 10_000);
    }
}
