//! The end of a page, as a text that the request for the next page carries.

use std::fmt::{self, Write};
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error};
use uuid::Uuid;

use crate::time::Time;

/// The key of a page's last entry. Its text is opaque to clients: each part of the key in a fixed number of hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

/// The text is not a cursor that a page returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page")]
pub struct InvalidCursor;

/// The key by which a list is ordered.
pub trait CursorKey: Sized {
    /// Appends the key to a text.
    ///
    /// # Errors
    /// Those of the formatter.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Reads the key from the beginning of a text, and leaves the rest.
    ///
    /// # Errors
    /// If the text does not begin with a key.
    fn read(text: &mut &str) -> Result<Self, InvalidCursor>;
}

impl<K: CursorKey> fmt::Display for Cursor<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f)
    }
}

impl<K: CursorKey> FromStr for Cursor<K> {
    type Err = InvalidCursor;

    fn from_str(mut text: &str) -> Result<Self, InvalidCursor> {
        let key = K::read(&mut text)?;
        text.is_empty().then_some(Self(key)).ok_or(InvalidCursor)
    }
}

impl<'de, K: CursorKey> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl CursorKey for char {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(*self)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        let first = text.chars().next().ok_or(InvalidCursor)?;
        *text = &text[first.len_utf8()..];
        Ok(first)
    }
}

impl CursorKey for u64 {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:016x}")
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        Self::from_str_radix(digits(text, 16)?, 16).map_err(|_| InvalidCursor)
    }
}

impl CursorKey for Uuid {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.simple())
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        Self::try_parse(digits(text, 32)?).map_err(|_| InvalidCursor)
    }
}

/// In microseconds since 1970, because no list has earlier entries.
impl CursorKey for DateTime<Utc> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp_micros().cast_unsigned().write(f)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        let micros = u64::read(text)?;
        let micros = i64::try_from(micros).map_err(|_| InvalidCursor)?;
        let at = Self::from_timestamp_micros(micros).ok_or(InvalidCursor)?;
        Time::try_from(at).map(Time::get).map_err(|_| InvalidCursor)
    }
}

impl<A: CursorKey, B: CursorKey> CursorKey for (A, B) {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f)?;
        self.1.write(f)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        Ok((A::read(text)?, B::read(text)?))
    }
}

/// The next digits, which must be in lower case.
fn digits<'a>(text: &mut &'a str, count: usize) -> Result<&'a str, InvalidCursor> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let (digits, rest) = text.split_at_checked(count).ok_or(InvalidCursor)?;
    *text = rest;
    let all = digits.bytes().all(is_hex);
    all.then_some(digits).ok_or(InvalidCursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::LATEST_US;

    fn read<K: CursorKey>(text: &str) -> Result<K, InvalidCursor> {
        text.parse().map(|Cursor(key)| key)
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let at = DateTime::from_timestamp_micros(1_762_000_000_123_456).unwrap();
        let key = (('c', at), (Uuid::from_u128(0xABC), 7));
        let text = Cursor(key).to_string();
        assert_eq!(
            text,
            "c00064287981a024000000000000000000000000000000abc0000000000000007"
        );
        assert_eq!(read(&text), Ok(key));
    }

    #[test]
    fn other_text_is_not_a_cursor() {
        let text = Cursor((Uuid::from_u128(0xABC), 7)).to_string();
        let (upper_case, longer) = (text.to_uppercase(), format!("{text}0"));
        for wrong in ["", "x", &text[1..], &text[..32], &upper_case, &longer, "ä"] {
            assert_eq!(read::<(Uuid, u64)>(wrong), Err(InvalidCursor), "{wrong:?}");
        }
    }

    #[test]
    fn a_time_that_postgresql_can_t_store_is_not_a_cursor() {
        let latest_us = LATEST_US.cast_unsigned();
        let latest = Cursor(latest_us).to_string();
        assert!(read::<DateTime<Utc>>(&latest).is_ok());
        for later in [latest_us + 1, u64::MAX] {
            let later = Cursor(later).to_string();
            assert_eq!(read::<DateTime<Utc>>(&later), Err(InvalidCursor));
        }
    }
}
