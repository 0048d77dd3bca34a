//! Objects of one kind in creation order, as Stripe's lists need them: newest first, with cursors. Contains no rules of
//! payments.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use crate::api_error::ApiError;

/// An object with an ID and a sequence number.
pub(crate) trait Stored {
    /// The kind, as in Stripe's `object` field.
    const OBJECT: &'static str;
    /// The object's ID.
    fn id(&self) -> &str;
    /// The sequence number: later objects have higher ones.
    fn seq(&self) -> u64;
}

/// The requested part of a list: <https://docs.stripe.com/api/pagination>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) cursor: Cursor,
}

/// Where a page starts or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// The newest objects.
    Newest,
    /// Objects older than this one.
    StartingAfter(String),
    /// The objects just newer than this one.
    EndingBefore(String),
}

/// Objects of one kind, by ID and by creation order.
#[derive(Debug)]
pub(crate) struct Collection<T> {
    by_seq: BTreeMap<u64, T>,
    seq_of: HashMap<String, u64>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self {
            by_seq: BTreeMap::new(),
            seq_of: HashMap::new(),
        }
    }
}

impl<T: Stored> Collection<T> {
    /// Returns the object with this ID.
    pub(crate) fn find(&self, id: &str) -> Option<&T> {
        self.by_seq.get(self.seq_of.get(id)?)
    }

    /// Returns the object with this ID, which the request path names.
    ///
    /// # Errors
    /// 404 `resource_missing`.
    pub(crate) fn get(&self, id: &str) -> Result<&T, ApiError> {
        self.find(id)
            .ok_or_else(|| ApiError::no_such(T::OBJECT, id, T::OBJECT))
    }

    /// Stores an object, replacing its earlier version if there is one.
    pub(crate) fn put(&mut self, object: T) {
        self.seq_of.insert(object.id().to_owned(), object.seq());
        self.by_seq.insert(object.seq(), object);
    }

    /// Returns the object with this ID, to be changed in place.
    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut T> {
        self.by_seq.get_mut(self.seq_of.get(id)?)
    }

    /// Returns the object with this sequence number.
    pub(crate) fn at(&self, seq: u64) -> Option<&T> {
        self.by_seq.get(&seq)
    }

    /// Deletes the oldest objects beyond this number, up to the first that must stay.
    pub(crate) fn keep_newest(&mut self, number: usize, may_go: impl Fn(&T) -> bool) {
        while self.by_seq.len() > number
            && let Some(oldest) = self.by_seq.first_entry()
            && may_go(oldest.get())
        {
            self.seq_of.remove(oldest.remove().id());
        }
    }

    /// The sequence number of the next object.
    pub(crate) fn next_seq(&self) -> u64 {
        self.by_seq.last_key_value().map_or(1, |(seq, _)| seq + 1)
    }

    /// All objects, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.by_seq.values()
    }

    /// Returns one page of the objects that pass `wanted`, newest first, and whether there are more.
    ///
    /// # Errors
    /// 400 `resource_missing` when the cursor names no object.
    pub(crate) fn page(
        &self,
        page: &Page,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<(Vec<&T>, bool), ApiError> {
        let one_more = page.limit + 1;
        let mut found: Vec<&T> = match &page.cursor {
            Cursor::Newest => self
                .by_seq
                .values()
                .rev()
                .filter(|o| wanted(o))
                .take(one_more)
                .collect(),
            Cursor::StartingAfter(id) => {
                let seq = self.cursor_seq(id, "starting_after")?;
                let older = self.by_seq.range(..seq).rev();
                older
                    .map(|(_, o)| o)
                    .filter(|o| wanted(o))
                    .take(one_more)
                    .collect()
            }
            Cursor::EndingBefore(id) => {
                let seq = self.cursor_seq(id, "ending_before")?;
                let newer = self.by_seq.range((Bound::Excluded(seq), Bound::Unbounded));
                newer
                    .map(|(_, o)| o)
                    .filter(|o| wanted(o))
                    .take(one_more)
                    .collect()
            }
        };
        let has_more = found.len() > page.limit;
        found.truncate(page.limit);
        if matches!(page.cursor, Cursor::EndingBefore(_)) {
            found.reverse();
        }
        Ok((found, has_more))
    }

    fn cursor_seq(&self, id: &str, param: &str) -> Result<u64, ApiError> {
        self.seq_of
            .get(id)
            .copied()
            .ok_or_else(|| ApiError::no_such_param(T::OBJECT, id, param))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(String, u64);
    impl Stored for Thing {
        const OBJECT: &'static str = "thing";
        fn id(&self) -> &str {
            &self.0
        }
        fn seq(&self) -> u64 {
            self.1
        }
    }

    fn page(limit: usize, cursor: Cursor) -> (Vec<u64>, bool) {
        let mut things = Collection::default();
        (1..=5).for_each(|n| things.put(Thing(format!("t{n}"), n)));
        let (found, more) = things.page(&Page { limit, cursor }, |_| true).unwrap();
        (found.iter().map(|t| t.1).collect(), more)
    }

    #[test]
    fn the_newest_objects_and_those_that_must_stay_are_kept() {
        let mut things = Collection::default();
        (1..=5).for_each(|n| things.put(Thing(format!("t{n}"), n)));
        things.keep_newest(2, |thing| thing.1 != 3);
        let kept: Vec<u64> = things.iter().map(|thing| thing.1).collect();
        assert_eq!(kept, [3, 4, 5]);
        assert!(things.find("t1").is_none() && things.next_seq() == 6);
    }

    #[test]
    fn a_page_is_newest_first_in_both_directions_and_reports_if_there_is_more() {
        assert_eq!(page(2, Cursor::Newest), (vec![5, 4], true));
        assert_eq!(
            page(2, Cursor::StartingAfter("t4".into())),
            (vec![3, 2], true)
        );
        assert_eq!(
            page(2, Cursor::StartingAfter("t3".into())),
            (vec![2, 1], false)
        );
        assert_eq!(
            page(2, Cursor::EndingBefore("t2".into())),
            (vec![4, 3], true)
        );
        assert_eq!(
            page(3, Cursor::EndingBefore("t2".into())),
            (vec![5, 4, 3], false)
        );
    }
}
