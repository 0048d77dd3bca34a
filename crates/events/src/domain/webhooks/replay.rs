//! Replays: spans of the feed that an endpoint is sent again.

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, define_id, words};
use serde::de::{Deserialize, Deserializer, Error};

use crate::domain::feed::FeedPosition;

define_id! {
    /// A replay.
    ReplayId
}

words! {
    ReplayState, "How far a replay is.", {
        /// Its events are being sent.
        Running = "running",
        /// Each of its events was sent once.
        Finished = "finished",
        /// A request ended it.
        Cancelled = "cancelled",
    }
}

/// Maximum number of events between the beginning and the end of a replay.
pub(crate) const MAX_REPLAYED: i64 = 100_000;

/// Maximum number of replays in a list.
pub(crate) const MAX_LISTED: i64 = 100;

/// The beginning or the end of a replay, as it is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayPoint {
    /// The first event that is kept.
    Earliest,
    /// A place in the feed: events after it, or up to it.
    At(FeedPosition),
    /// Events that were published at this time or later, or before it.
    Time(DateTime<Utc>),
}

impl ReplayPoint {
    /// The text of a request, the same for the same point.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::At(position) => Cursor(position).to_string(),
            Self::Time(time) => time.to_rfc3339(),
        }
    }
}

impl<'de> Deserialize<'de> for ReplayPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "earliest" {
            return Ok(Self::Earliest);
        }
        if let Ok(Cursor(position)) = text.parse() {
            return Ok(Self::At(position));
        }
        let time = DateTime::parse_from_rfc3339(&text).map_err(|_| {
            D::Error::custom(
                "must be earliest, a cursor of GET /events, or a time such as 2026-11-22T23:00:00Z",
            )
        });
        Ok(Self::Time(time?.to_utc()))
    }
}

/// A replay to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReplay {
    /// Where it begins.
    pub from: ReplayPoint,
    /// Where it ends, at most at the endpoint's place, which is the default.
    pub to: Option<ReplayPoint>,
    /// The types of its events, among those of the endpoint. Empty: all of them.
    pub types: Vec<String>,
}

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its ID.
    pub id: ReplayId,
    /// The types of its events, among those of the endpoint. Empty: all of them.
    pub types: Vec<String>,
    /// The position after which it begins.
    pub from: i64,
    /// The position of the last event.
    pub to: i64,
    /// Number of events in the feed from its beginning to its end, of all types.
    pub events: i32,
    /// The position up to which everything was sent, or is not wanted.
    pub position: i64,
    /// Number of events that the endpoint accepted.
    pub delivered: i32,
    /// Number of events that it rejected. They are not sent again.
    pub rejected: i32,
    /// How far it is.
    pub state: ReplayState,
    /// Who started it.
    pub requested_by: String,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it was finished or cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(text: &str) -> Result<ReplayPoint, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn a_point_is_the_beginning_a_cursor_or_a_time() {
        let cursor = ReplayPoint::At(FeedPosition(17));
        assert_eq!(point("earliest").ok(), Some(ReplayPoint::Earliest));
        assert_eq!(point("e0000000000000011").ok(), Some(cursor));
        let time = "2026-11-22T23:00:00Z".parse().map(ReplayPoint::Time);
        assert_eq!(point("2026-11-23T00:00:00+01:00").ok(), time.ok());
        for text in ["latest", "", "17", "2026-11-22", "yesterday"] {
            assert!(point(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_point_has_the_same_text() {
        for text in ["earliest", "e0000000000000011"] {
            assert_eq!(
                point(text).map(ReplayPoint::text).ok().as_deref(),
                Some(text)
            );
        }
        let texts = ["2026-11-22T23:00:00Z", "2026-11-23T00:00:00+01:00"].map(|it| point(it).ok());
        assert_eq!(
            texts[0].map(ReplayPoint::text),
            texts[1].map(ReplayPoint::text)
        );
    }
}
