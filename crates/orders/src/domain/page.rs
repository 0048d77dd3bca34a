//! Lists that are read page by page.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;
use uuid::Uuid;

/// Where a page ended: the time and the id of its last entry, which the next page comes after. Entries that are added or
/// resolved meanwhile neither shift nor repeat the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) id: Uuid,
}

/// The text is not one that a page came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page")]
pub struct InvalidCursor;

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

/// How many entries a page may have: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

oms_validation::schema_of! {
    PageSize,
    "How many entries the page may have.",
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(PageSize::MAX))
        .default(Some(PageSize::DEFAULT.0.into()))
}

impl PageSize {
    /// What a page has unless asked for otherwise.
    pub const DEFAULT: Self = Self(20);
    const MAX: u32 = 100;

    /// A size within the limits.
    pub fn new(entries: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&entries).then_some(Self(entries))
    }

    pub(crate) fn get(self) -> usize {
        self.0 as usize
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T, C = Cursor> {
    /// Its entries, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page of what was found when one entry more than fits was asked for.
    pub(crate) fn of(mut found: Vec<T>, size: PageSize, cursor: impl Fn(&T) -> C) -> Self {
        let more = found.len() > size.get();
        found.truncate(size.get());
        let next = found.last().filter(|_| more).map(cursor);
        Self { items: found, next }
    }

    /// The same page with other entries.
    pub(crate) fn try_map<U, E>(
        self,
        entry: impl FnMut(T) -> Result<U, E>,
    ) -> Result<Page<U, C>, E> {
        Ok(Page {
            items: self
                .items
                .into_iter()
                .map(entry)
                .collect::<Result<_, _>>()?,
            next: self.next,
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

    #[test]
    fn a_page_has_1_to_100_entries() {
        let sizes = [0, 1, 100, 101].map(|entries| PageSize::new(entries).is_some());
        assert_eq!(sizes, [false, true, true, false]);
    }

    #[test]
    fn only_a_page_that_is_not_the_last_names_the_next() {
        let size = PageSize::new(2).unwrap();
        let page = Page::of(vec![1, 2, 3], size, |_| cursor());
        assert_eq!((page.items, page.next), (vec![1, 2], Some(cursor())));
        let page = Page::of(vec![1, 2], size, |_| cursor());
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
