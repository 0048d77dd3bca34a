//! Holds: reasons for which a fulfilment order must not be sent.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::openapi::text;
use serde::{Deserialize, Serialize};

use crate::domain::text::Note;
use crate::domain::words;

words! {
    HoldReason, "Why a fulfilment order is on hold.", {
        /// The order may be fraudulent.
        FraudCheck = "fraud_check",
        /// The address is in doubt.
        Address = "address",
        /// The payment is in doubt.
        Payment = "payment",
        /// The units are not in the warehouse yet.
        AwaitingStock = "awaiting_stock",
        /// No warehouse can send it.
        NoWarehouse = "no_warehouse",
        /// The customer asked for it.
        Customer = "customer",
        /// An operator wants it.
        Operator = "operator",
        /// None of the others.
        Unlisted = "other",
    }
}

impl HoldReason {
    /// The reason in words, as a clause.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::FraudCheck => "the order may be fraudulent",
            Self::Address => "the address is in doubt",
            Self::Payment => "the payment is in doubt",
            Self::AwaitingStock => "the units are not in the warehouse yet",
            Self::NoWarehouse => "no warehouse can send it",
            Self::Customer => "the customer asked for it",
            Self::Operator => "an operator wants it",
            Self::Unlisted => "another reason",
            Self::Other(word) => word,
        }
    }
}

/// The name of a hold, unique among the holds of a fulfilment order. Whoever places a hold chooses it, and releases the
/// hold by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct HoldHandle(String);

oms_validation::schema_of! {
    HoldHandle,
    "The name of a hold: 1 to 64 lower-case letters, digits, `_`, `.` and `-`.",
    text(1..=64, "^[a-z0-9_.-]{1,64}$").examples(["fraud-check"])
}

/// The handle of the hold on a fulfilment order that no other warehouse can send. A move of everything releases it.
pub(crate) const REROUTING: &str = "rerouting";

/// The handle of the hold on the fulfilment order of an order that was paid before oms recorded what is shipped.
const BEFORE_FULFILMENT: &str = "before-fulfilment";

/// The handles of the holds that only oms places. They don't count towards the maximum number of holds.
pub(crate) const RESERVED: [&str; 2] = [REROUTING, BEFORE_FULFILMENT];

/// The error for a text that is not a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 lower-case letters, digits, _, . and -")]
pub struct InvalidHoldHandle;

impl HoldHandle {
    /// Parses a handle.
    ///
    /// # Errors
    /// When it is empty or too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidHoldHandle> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
        match (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidHoldHandle),
        }
    }

    /// The handle of the hold on a fulfilment order that no other warehouse can send.
    pub fn rerouting() -> Self {
        Self(REROUTING.to_owned())
    }

    /// The handle of the hold on the fulfilment order of an order that was paid before oms recorded what is shipped.
    pub fn before_fulfilment() -> Self {
        Self(BEFORE_FULFILMENT.to_owned())
    }

    /// Whether only oms places holds with this handle. Clients may release them.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }

    /// Reads a stored handle.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HoldHandle {
    type Error = InvalidHoldHandle;

    fn try_from(text: String) -> Result<Self, InvalidHoldHandle> {
        Self::parse(&text)
    }
}

impl fmt::Display for HoldHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hold to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// Its name.
    pub handle: HoldHandle,
    /// Why.
    pub reason: HoldReason,
    /// Why, in words.
    pub note: Option<Note>,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub handle: HoldHandle,
    /// Why.
    pub reason: HoldReason,
    /// Why, in words.
    pub note: Option<Note>,
    /// Who placed it.
    pub actor: String,
    /// When it was placed.
    pub held_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_a_short_word() {
        for text in ["a", "fraud-check", "address_2", "x.y", &"h".repeat(64)] {
            assert_eq!(HoldHandle::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "A", "a b", "ä", "a/b", &"h".repeat(65)] {
            assert_eq!(HoldHandle::parse(text), Err(InvalidHoldHandle), "{text:?}");
        }
    }

    #[test]
    fn the_handles_of_oms_are_reserved() {
        for handle in [HoldHandle::rerouting(), HoldHandle::before_fulfilment()] {
            assert_eq!(HoldHandle::parse(handle.as_str()), Ok(handle.clone()));
            assert!(handle.is_reserved(), "{handle}");
        }
        assert!(!HoldHandle::parse("rerouting-2").unwrap().is_reserved());
    }

    #[test]
    fn a_reason_of_a_newer_version_is_shown_unchanged() {
        assert_eq!(HoldReason::stored("customs").as_str(), "customs");
        assert_eq!(HoldReason::parse("customs"), None);
        assert_eq!(HoldReason::parse("other"), Some(HoldReason::Unlisted));
    }
}
