//! Where the pages of lists end that are in the order of time.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use oms_validation::InvalidCursor;
use uuid::Uuid;

/// Where a page ended: the time and the id of its last entry, which the next page comes after. Entries that are added or
/// resolved meanwhile neither shift nor repeat the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) id: Uuid,
}

/// Characters of the time, in microseconds since 1970, and of the id.
const LENGTHS: (usize, usize) = (16, 32);
/// The end of the year 9999: PostgreSQL has no room for all that fits into the text.
const LATEST_US: i64 = 253_402_300_800_000_000;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at_us, id) = (self.created_at.timestamp_micros(), self.id.simple());
        write!(f, "{at_us:016x}{id}")
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != LENGTHS.0 + LENGTHS.1 || !text.bytes().all(is_hex) {
            return Err(InvalidCursor);
        }
        let (at_us, id) = text.split_at(LENGTHS.0);
        let at_us = i64::from_str_radix(at_us, 16).map_err(|_| InvalidCursor)?;
        let created_at = DateTime::from_timestamp_micros(at_us).filter(|_| at_us < LATEST_US);
        Ok(Self {
            created_at: created_at.ok_or(InvalidCursor)?,
            id: Uuid::try_parse(id).map_err(|_| InvalidCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            created_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            id: Uuid::from_u128(0xABC),
        }
    }

    #[test]
    fn a_cursor_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let text = cursor().to_string();
        assert_eq!(text.parse(), Ok(cursor()));
        let far_away = format!("{:016x}{}", LATEST_US, cursor().id.simple());
        let upper_case = text.to_uppercase();
        let signed = format!("+{}", &text[1..]);
        let past = format!("f{}", &text[1..]);
        for wrong in ["", "x", &text[1..], &far_away, &upper_case, &signed, &past] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong:?}");
        }
    }
}
