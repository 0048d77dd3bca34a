//! A webhook that is sent, and what comes back.

use std::time::Duration;

use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::outcome::{Failure, Outcome};

/// Bytes of an answer that are kept.
pub(crate) const KEPT_ANSWER: usize = 1024;

/// A webhook that is sent.
pub struct Webhook<'a> {
    /// Where to.
    pub url: &'a EndpointUrl,
    /// The ID of the event, the same for each try.
    pub id: &'a str,
    /// The time of this try, in seconds of the Unix epoch.
    pub timestamp: i64,
    /// The header `webhook-signature`.
    pub signature: &'a str,
    /// The ID of the replay that the event is sent for, which is the header `oms-replay`.
    pub replay: Option<&'a str>,
    /// The event as JSON.
    pub body: Vec<u8>,
}

/// What a try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What the endpoint answered.
    pub outcome: Outcome,
    /// Its status.
    pub status: Option<u16>,
    /// How long the try took.
    pub duration: Duration,
    /// The beginning of the answer.
    pub answer: String,
}

impl Sent {
    /// A try without an answer.
    pub fn failed(failure: Failure, duration: Duration) -> Self {
        Self {
            outcome: Outcome::Failed(failure),
            status: None,
            duration,
            answer: String::new(),
        }
    }
}
