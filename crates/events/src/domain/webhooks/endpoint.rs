//! Endpoints: where events are sent.

use chrono::{DateTime, Utc};
use oms_validation::{define_id, words};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::webhooks::endpoint_url::EndpointUrl;

define_id! {
    /// A webhook endpoint.
    EndpointId
}

words! {
    Ordering, "In which order an endpoint gets events: `subject`, those of one subject one after the other; or `none`.", {
        /// Events of one subject one after the other, those of different subjects at the same time.
        Subject = "subject",
        /// All at the same time.
        Unordered = "none",
    }
}

words! {
    Signing, "How webhooks are signed: `hmac` with a shared secret, or `ed25519`, where the receiver knows only the public key.", {
        /// HMAC-SHA256.
        Hmac = "hmac",
        /// ed25519.
        Ed25519 = "ed25519",
    }
}

words! {
    EndpointStatus, "Whether events are sent to an endpoint. A paused or disabled endpoint keeps its place.", {
        /// Events are sent.
        Enabled = "enabled",
        /// Paused by a request.
        Paused = "paused",
        /// The endpoint answered 410, or nothing reached it for five days.
        Disabled = "disabled",
    }
}

/// Maximum number of endpoints of a tenant.
pub(crate) const MAX_ENDPOINTS: i64 = 20;

/// Maximum number of events that an endpoint has not received and that are behind its position. With as many, it gets
/// no further events until some are delivered or given up.
pub(crate) const MAX_PENDING: usize = 10_000;

/// Maximum number of events that are sent to an endpoint at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct MaxInFlight(u8);

oms_validation::schema_of! {
    MaxInFlight,
    "Maximum number of events that are sent at the same time.",
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::Integer)
        .minimum(Some(1))
        .maximum(Some(MaxInFlight::MAX))
        .default(Some(MaxInFlight::DEFAULT.0.into()))
}

/// The number is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {}", MaxInFlight::MAX)]
pub struct InvalidMaxInFlight;

impl MaxInFlight {
    const MAX: u8 = 64;
    /// What is used if a request names none.
    pub const DEFAULT: Self = Self(8);

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl From<MaxInFlight> for i32 {
    fn from(number: MaxInFlight) -> Self {
        Self::from(number.0)
    }
}

impl TryFrom<i32> for MaxInFlight {
    type Error = InvalidMaxInFlight;

    fn try_from(number: i32) -> Result<Self, InvalidMaxInFlight> {
        let number = u8::try_from(number).ok();
        let number = number.filter(|number| (1..=Self::MAX).contains(number));
        number.map(Self).ok_or(InvalidMaxInFlight)
    }
}

/// What an endpoint is for, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Description(String);

oms_validation::schema_of! {
    Description,
    "What the endpoint is for: up to 200 characters.",
    oms_validation::openapi::text(1..=200, oms_validation::openapi::READABLE)
}

/// The text is blank or too long, or has a control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 characters without control characters")]
pub struct InvalidDescription;

impl TryFrom<String> for Description {
    type Error = InvalidDescription;

    fn try_from(text: String) -> Result<Self, InvalidDescription> {
        let text = oms_validation::text::tidy(&text);
        let fits = (1..=200).contains(&text.chars().count());
        match fits && !text.contains(char::is_control) {
            true => Ok(Self(text.into_owned())),
            false => Err(InvalidDescription),
        }
    }
}

impl Description {
    /// Reads a stored text.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An endpoint to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where events are sent.
    pub url: EndpointUrl,
    /// What it is for.
    pub description: Option<Description>,
    /// The types of its events: names, and areas such as `order.*`. Empty: all.
    pub types: Vec<String>,
    /// In which order it gets them.
    pub ordering: Ordering,
    /// How they are signed.
    pub signing: Signing,
    /// How many are sent at the same time.
    pub max_in_flight: MaxInFlight,
}

impl NewEndpoint {
    /// What makes two requests equal.
    pub(crate) fn facts(&self) -> Value {
        json!({
            "url": self.url.url().as_str(),
            "description": self.description,
            "types": self.types,
            "ordering": self.ordering,
            "signing": self.signing,
            "maxInFlight": self.max_in_flight.get(),
        })
    }
}

/// A change of an endpoint. Omitted members stay unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Where events are sent.
    pub url: Option<EndpointUrl>,
    /// What it is for.
    pub description: Option<Description>,
    /// The types of its events.
    pub types: Option<Vec<String>>,
    /// In which order it gets them.
    pub ordering: Option<Ordering>,
    /// How many are sent at the same time.
    pub max_in_flight: Option<MaxInFlight>,
}

impl EndpointChange {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its ID.
    pub id: EndpointId,
    /// Where events are sent, as it was given.
    pub url: String,
    /// What it is for.
    pub description: Option<Description>,
    /// The types of its events: names, and areas such as `order.*`. Empty: all.
    pub types: Vec<String>,
    /// In which order it gets them.
    pub ordering: Ordering,
    /// How they are signed.
    pub signing: Signing,
    /// How many are sent at the same time.
    pub max_in_flight: i32,
    /// Whether events are sent.
    pub status: EndpointStatus,
    /// Why it is paused or disabled.
    pub status_reason: Option<String>,
    /// The position up to which it has received the feed.
    pub position: i64,
    /// Since when nothing reaches it.
    pub failing_since: Option<DateTime<Utc>>,
    /// How many tries failed since.
    pub failures: i32,
    /// Its version.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When a request changed it last.
    pub updated_at: DateTime<Utc>,
}

impl Endpoint {
    /// The endpoint after a change.
    #[must_use]
    pub(crate) fn changed(self, change: EndpointChange) -> Self {
        let url = change.url.map(|url| url.url().to_string());
        let in_flight = change.max_in_flight.map(|number| i32::from(number.get()));
        Self {
            url: url.unwrap_or(self.url),
            description: change.description.or(self.description),
            types: change.types.unwrap_or(self.types),
            ordering: change.ordering.unwrap_or(self.ordering),
            max_in_flight: in_flight.unwrap_or(self.max_in_flight),
            ..self
        }
    }
}

/// An endpoint that this instance sends events to while its lease lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimedEndpoint {
    pub(crate) endpoint: Endpoint,
    /// When it was reported that nothing reaches it.
    pub(crate) reported_at: Option<DateTime<Utc>>,
    /// How many events were answered with server errors, without a success between them.
    pub(crate) errors_in_a_row: i32,
    /// The database's time of the claim.
    pub(crate) claimed_at: DateTime<Utc>,
    /// The number of the claim.
    pub(crate) claim: i64,
}
