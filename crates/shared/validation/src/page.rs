//! Lists that are read page by page.

use serde::de::{Deserialize, Deserializer, Error};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

/// One page of a list. `C` is the [`Cursor`](crate::Cursor) of its last entry, in the order of the list, so entries
/// that are added meanwhile neither shift nor repeat others.
#[derive(Clone, Debug)]
pub struct Page<T, C> {
    /// Its entries, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Builds a page from a query that fetched one entry more than the page size.
    pub fn of(mut found: Vec<T>, size: PageSize, cursor: impl Fn(&T) -> C) -> Self {
        let more = found.len() > size.get();
        found.truncate(size.get());
        let next = found.last().filter(|_| more).map(cursor);
        Self { items: found, next }
    }

    /// Continues at a cursor, where a search stopped before the page was full. Without effect on a page with a next
    /// one.
    #[must_use]
    pub fn or_continued_at(mut self, looked_until: Option<C>) -> Self {
        self.next = self.next.or(looked_until);
        self
    }

    /// Converts the entries of the page.
    ///
    /// # Errors
    /// The first error of `entry`.
    pub fn try_map<U, E>(self, entry: impl FnMut(T) -> Result<U, E>) -> Result<Page<U, C>, E> {
        let items = self.items.into_iter().map(entry);
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: self.next,
        })
    }
}

/// The maximum number of entries of a page: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

crate::schema_of! {
    PageSize,
    "Maximum number of entries on the page.",
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(PageSize::MAX))
        .default(Some(PageSize::DEFAULT.0.into()))
}

impl PageSize {
    /// The size of a page if the request names none.
    pub const DEFAULT: Self = Self(20);
    const MAX: u32 = 100;

    /// A size from 1 to 100, otherwise `None`.
    pub fn new(entries: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&entries).then_some(Self(entries))
    }

    /// The number of entries.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = u32::deserialize(deserializer).ok().and_then(Self::new);
        entries.ok_or_else(|| D::Error::custom("must be a whole number from 1 to 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries() {
        let sizes = [0, 1, 100, 101].map(|entries| PageSize::new(entries).is_some());
        assert_eq!(sizes, [false, true, true, false]);
    }

    #[test]
    fn every_page_except_the_last_names_the_next() {
        let size = PageSize::new(2).unwrap();
        let page = Page::of(vec![1, 2, 3], size, |entry| *entry);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(2)));
        let page = Page::of(vec![1, 2], size, |entry| *entry);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
