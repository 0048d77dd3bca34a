//! What a client asks the feed for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use oms_validation::{Cursor, CursorKey, InvalidCursor};
use serde::de::{Deserialize, Deserializer, Error};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

use crate::domain::batch::Segment;
use crate::domain::event::Event;
use crate::domain::key::EventKey;

/// A position in a tenant's feed. Positions only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub i64);

/// A cursor begins with a letter, so that it is not taken for that of a list.
impl CursorKey for FeedPosition {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ('e', self.0.cast_unsigned()).write(f)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        let ('e', position): (char, u64) = CursorKey::read(text)? else {
            return Err(InvalidCursor);
        };
        i64::try_from(position).map(Self).map_err(|_| InvalidCursor)
    }
}

oms_validation::define_id! {
    /// What an event is about: an order, a dead letter, ….
    SubjectId
}

/// Where to read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedStart {
    /// The first event that is kept.
    Earliest,
    /// Nothing that was published before the request.
    Latest,
    /// After this position.
    After(FeedPosition),
}

impl FeedStart {
    /// The text in a request.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::After(position) => Cursor(position).to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for FeedStart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            cursor => cursor
                .parse()
                .map(|Cursor(position)| Self::After(position))
                .map_err(|_| {
                    D::Error::custom("must be earliest, latest, or the cursor of an earlier answer")
                }),
        }
    }
}

/// Maximum number of events in an answer: 1 to 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeedLimit(pub(crate) u16);

impl FeedLimit {
    const MAX: u16 = 500;
}

impl Default for FeedLimit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for FeedLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = number(&String::deserialize(deserializer)?);
        let limit = limit.filter(|limit| (1..=Self::MAX).contains(limit));
        limit
            .map(Self)
            .ok_or_else(|| D::Error::custom("must be a whole number from 1 to 500"))
    }
}

/// Reads a number of a query string. A sign is not a digit.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// How long to wait for events if there are none: 0 to 25 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FeedWait(pub(crate) u8);

impl FeedWait {
    const MAX: u8 = 25;
}

impl<'de> Deserialize<'de> for FeedWait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = number(&String::deserialize(deserializer)?);
        let seconds = seconds.filter(|seconds| *seconds <= Self::MAX);
        seconds
            .map(Self)
            .ok_or_else(|| D::Error::custom("must be a whole number of seconds from 0 to 25"))
    }
}

oms_validation::schema_of! {
    FeedLimit,
    "Maximum number of events in the answer.",
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(FeedLimit::MAX))
        .default(Some(100.into()))
}

oms_validation::schema_of! {
    FeedWait,
    "Seconds to wait for events if there are none.",
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0))
        .maximum(Some(FeedWait::MAX))
        .default(Some(0.into()))
}

/// Which events are wanted. An empty filter selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedFilter {
    /// Types, and beginnings of types such as `order.`. Empty: all.
    types: BTreeSet<String>,
    subject_id: Option<SubjectId>,
}

/// The text names a type that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownType(pub String);

/// Returns the type that a text names, or what the types of an area begin with; `None` if there is no such type.
pub(crate) fn type_of<'a, 'b>(
    wanted: &'b str,
    known: &(impl Iterator<Item = &'a str> + Clone),
) -> Option<&'b str> {
    let mut known = known.clone();
    match wanted.strip_suffix('*') {
        Some(area) => {
            let is_known = area.ends_with('.') && known.any(|name| name.starts_with(area));
            is_known.then_some(area)
        }
        None => known.any(|name| name == wanted).then_some(wanted),
    }
}

impl FeedFilter {
    /// Reads types that are separated by commas, each a name or an area with `.*`, among the known ones.
    ///
    /// # Errors
    /// The first that is unknown.
    pub fn of_types<'a>(
        text: &str,
        known: &(impl Iterator<Item = &'a str> + Clone),
    ) -> Result<Self, UnknownType> {
        let mut types = BTreeSet::new();
        for wanted in text.split(',').map(str::trim) {
            match type_of(wanted, known) {
                Some(wanted) => types.insert(wanted.to_owned()),
                None => return Err(UnknownType(wanted.to_owned())),
            };
        }
        let subject_id = None;
        Ok(Self { types, subject_id })
    }

    /// Reads stored types. A type that only a newer version of the program knows selects what has it.
    pub(crate) fn stored(types: &[String]) -> Self {
        let begins = |text: &String| text.strip_suffix('*').unwrap_or(text).to_owned();
        Self {
            types: types.iter().map(begins).collect(),
            subject_id: None,
        }
    }

    /// Selects only events about a subject, if one is given.
    #[must_use]
    pub fn about(self, subject_id: Option<SubjectId>) -> Self {
        Self { subject_id, ..self }
    }

    /// Whether an event with this key may be wanted.
    pub(crate) fn may_select(&self, key: EventKey) -> bool {
        self.subject_id
            .is_none_or(|id| key.is_record() || key.subject_id == id.as_uuid())
    }

    /// Whether an event is wanted.
    pub(crate) fn selects(&self, event: &Event) -> bool {
        let is_of_subject = self
            .subject_id
            .is_none_or(|id| event.subject().id == id.as_uuid());
        let name = event.event_type();
        let mut types = self.types.iter();
        let is_of_type = self.types.is_empty()
            || types.any(|wanted| match wanted.ends_with('.') {
                true => name.starts_with(wanted.as_str()),
                false => name == wanted,
            });
        is_of_subject && is_of_type
    }
}

/// What one snapshot of the database shows of a tenant's feed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    /// The last position that was given.
    pub(crate) position: i64,
    /// Events up to here were deleted.
    pub(crate) purged_to: i64,
    /// The segments after the position from which it was read, without gaps.
    pub(crate) segments: Vec<Segment>,
}

impl Feed {
    /// Returns the first `limit` events after a position, and whether these are all that were read.
    pub(crate) fn after(&self, position: i64, limit: usize) -> (Vec<(i64, EventKey)>, bool) {
        let events = self.segments.iter().flat_map(Segment::positioned);
        let mut events = events.filter(|(it, _)| *it > position);
        let first = events.by_ref().take(limit).collect();
        (first, events.next().is_none())
    }
}

/// An answer of the feed.
#[derive(Clone, Debug)]
pub struct FeedPage {
    /// Events in the order of the feed.
    pub items: Vec<Event>,
    /// Where the next request continues.
    pub cursor: FeedPosition,
    /// Whether there are more events already.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_no_list_has_one_like_it() {
        let cursor = Cursor(FeedPosition(4711));
        assert_eq!(cursor.to_string(), "e0000000000001267");
        assert_eq!("e0000000000001267".parse(), Ok(cursor));
        for text in ["0000000000001267", "f0000000000001267", "effffffffffffffff"] {
            assert_eq!(text.parse::<Cursor<FeedPosition>>(), Err(InvalidCursor));
        }
    }

    #[test]
    fn numbers_of_a_query_have_only_digits() {
        assert_eq!(number::<u8>("25"), Some(25));
        for wrong in ["", "+1", "-1", "1.0", "256", " 1"] {
            assert_eq!(number::<u8>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn types_are_names_or_areas() {
        let known = ["order.paid", "order.placed", "stock.moved"];
        let filter = |text| FeedFilter::of_types(text, &known.into_iter());
        assert!(filter("order.paid, stock.*").is_ok());
        for unknown in ["order", "order*", "*", "shop.*", "order.lost", ""] {
            assert_eq!(filter(unknown), Err(UnknownType(unknown.to_owned())));
        }
    }
}
