//! The keys of events, and their IDs.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The key of an event: what it is about, and which event of that it is. It stays the same wherever the event is stored
/// or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The order, or the record.
    pub subject_id: Uuid,
    /// The number of the event on the order's timeline, from 1 without gaps; 0 for a record.
    pub number: i32,
}

impl EventKey {
    /// The event of an order's timeline.
    pub const fn of_order(order_id: Uuid, number: i32) -> Self {
        Self {
            subject_id: order_id,
            number,
        }
    }

    /// The event of a record.
    pub(crate) const fn of_record(id: Uuid) -> Self {
        Self {
            subject_id: id,
            number: 0,
        }
    }

    /// Whether the event is a record.
    pub(crate) const fn is_record(self) -> bool {
        self.number == 0
    }
}

/// The ID of an event for clients: `evt_`, the key's UUID without hyphens, and `_` with the number unless it is a
/// record.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.subject_id.simple())?;
        match self.is_record() {
            true => Ok(()),
            false => write!(f, "_{}", self.number),
        }
    }
}

/// The text is not the ID of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEventId;

impl FromStr for EventKey {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let rest = text.strip_prefix("evt_").ok_or(InvalidEventId)?;
        let (subject, number) = match rest.split_once('_') {
            Some((subject, number)) => (subject, number.parse().map_err(|_| InvalidEventId)?),
            None => (rest, 0),
        };
        let key = Self {
            subject_id: Uuid::try_parse(subject).map_err(|_| InvalidEventId)?,
            number,
        };
        // One event has one ID.
        match key.number >= 0 && key.to_string() == text {
            true => Ok(key),
            false => Err(InvalidEventId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_its_key() {
        let id = Uuid::from_u128(0x01a2_0000_0000_7000_8000_0000_0000_0001);
        for (key, text) in [
            (
                EventKey::of_order(id, 2),
                "evt_01a20000000070008000000000000001_2",
            ),
            (
                EventKey::of_record(id),
                "evt_01a20000000070008000000000000001",
            ),
        ] {
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse(), Ok(key));
        }
    }

    #[test]
    fn another_spelling_is_not_an_id() {
        for text in [
            "",
            "evt_",
            "01a20000000070008000000000000001_2",
            "evt_01a20000-0000-7000-8000-000000000001_2",
            "evt_01A20000000070008000000000000001_2",
            "evt_01a20000000070008000000000000001_0",
            "evt_01a20000000070008000000000000001_02",
            "evt_01a20000000070008000000000000001_+2",
            "evt_01a20000000070008000000000000001_-2",
            "evt_01a20000000070008000000000000001_2147483648",
        ] {
            assert_eq!(text.parse::<EventKey>(), Err(InvalidEventId), "{text}");
        }
    }
}
