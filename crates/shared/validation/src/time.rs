//! Times that clients send.

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error};

/// A time that PostgreSQL can store, from 1970 to 9999. chrono's own times go far beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(DateTime<Utc>);

/// The error for a text that is not such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time from 1970 to 9999 such as 2026-11-01T00:00:00Z; in a URL, write the + of an offset as %2B"
)]
pub struct InvalidTime;

/// The end of the year 9999, in microseconds since 1970.
pub(crate) const LATEST_US: i64 = 253_402_300_799_999_999;

impl Time {
    /// Parses a time of RFC 3339.
    ///
    /// # Errors
    /// When the text is not a time, or the time is out of range.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let parsed = DateTime::parse_from_rfc3339(text);
        parsed.map_err(|_| InvalidTime)?.to_utc().try_into()
    }

    /// The time.
    pub const fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl TryFrom<DateTime<Utc>> for Time {
    type Error = InvalidTime;

    fn try_from(at: DateTime<Utc>) -> Result<Self, InvalidTime> {
        match (0..=LATEST_US).contains(&at.timestamp_micros()) {
            true => Ok(Self(at)),
            false => Err(InvalidTime),
        }
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_between_1970_and_9999() {
        for text in [
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "2026-11-24T14:02:00+01:00",
        ] {
            let at: DateTime<Utc> = text.parse().unwrap();
            assert_eq!(Time::parse(text).map(Time::get), Ok(at));
        }
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T14:02:00",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(Time::parse(text), Err(InvalidTime), "{text}");
        }
        for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(Time::try_from(at), Err(InvalidTime));
        }
    }
}
