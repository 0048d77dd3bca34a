//! Lists that are read page by page, in the order of their keys.

use std::fmt;
use std::str::FromStr;

use oms_validation::PageSize;
use uuid::Uuid;

/// One page of a list whose entries have a key of `N` ids.
#[derive(Clone, Debug)]
pub struct Page<T, const N: usize = 1> {
    /// Its entries.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor<N>>,
}

/// The key of a page's last entry, which the next page comes after. Entries that are added meanwhile neither shift nor
/// repeat the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<const N: usize = 1>(pub(crate) [Uuid; N]);

/// The text is not one that a page came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page")]
pub struct InvalidCursor;

/// Hexadecimal digits of an id.
const ID_LENGTH: usize = 32;

impl<const N: usize> fmt::Display for Cursor<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|id| write!(f, "{}", id.simple()))
    }
}

impl<const N: usize> FromStr for Cursor<N> {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != N * ID_LENGTH || !text.bytes().all(is_hex) {
            return Err(InvalidCursor);
        }
        let mut ids = [Uuid::nil(); N];
        for (place, id) in ids.iter_mut().enumerate() {
            let digits = &text[place * ID_LENGTH..(place + 1) * ID_LENGTH];
            *id = Uuid::try_parse(digits).map_err(|_| InvalidCursor)?;
        }
        Ok(Self(ids))
    }
}

impl<T, const N: usize> Page<T, N> {
    /// A page of what was found when one entry more than fits was asked for.
    pub(crate) fn of(mut found: Vec<T>, size: PageSize, key: impl Fn(&T) -> [Uuid; N]) -> Self {
        let more = found.len() > size.get();
        found.truncate(size.get());
        let next = found.last().filter(|_| more).map(|last| Cursor(key(last)));
        Self { items: found, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor([Uuid::from_u128(0xABC), Uuid::from_u128(7)]);
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        let upper_case = text.to_uppercase();
        for wrong in ["", "x", &text[1..], &upper_case, &text[..ID_LENGTH]] {
            assert_eq!(wrong.parse::<Cursor<2>>(), Err(InvalidCursor), "{wrong:?}");
        }
    }

    #[test]
    fn only_a_page_that_is_not_the_last_names_the_next() {
        let (size, key) = (PageSize::new(2).unwrap(), |n: &u128| [Uuid::from_u128(*n)]);
        let page = Page::of(vec![1, 2, 3], size, key);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(Cursor(key(&2)))));
        let page = Page::of(vec![1, 2], size, key);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
