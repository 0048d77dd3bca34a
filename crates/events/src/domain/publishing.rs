//! What is published to a sink.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use oms_validation::TenantId;
use serde_json::Value;

use crate::domain::event::{Event, Subject};

/// The delays after the first and the last failure in a row; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// An event for a sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    tenant: TenantId,
    event: Event,
    /// The event as JSON.
    pub body: Vec<u8>,
}

impl Message {
    pub(crate) fn new(tenant: TenantId, event: Event) -> Self {
        Self {
            tenant,
            // An event is a JSON object of texts and numbers.
            body: serde_json::to_vec(&event).unwrap_or_default(),
            event,
        }
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The event's ID.
    pub fn id(&self) -> String {
        self.event.key().to_string()
    }

    /// The event's type.
    pub fn event_type(&self) -> &str {
        self.event.event_type()
    }

    /// What the event is about.
    pub fn subject(&self) -> &Subject {
        self.event.subject()
    }

    /// The event's data, a JSON object.
    pub fn data(&self) -> &Value {
        self.event.data()
    }

    /// When the event happened, as in its JSON.
    pub fn time(&self) -> String {
        let at: DateTime<Utc> = self.event.occurred_at();
        at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// The same in milliseconds since 1970.
    #[cfg(feature = "kafka")]
    pub(crate) fn time_ms(&self) -> i64 {
        self.event.occurred_at().timestamp_millis()
    }

    /// The same for each time that the event is published, and different for all other events of all tenants.
    pub fn deduplication_id(&self) -> String {
        format!("{}/{}", self.tenant, self.id())
    }
}

/// How much of a page was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Number of messages from the first on that were acknowledged.
    pub acknowledged: usize,
    /// Why the next one was not. `None` if there is none, or if it was not tried yet.
    pub error: Option<PublishError>,
}

/// Why a message was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection.
    #[error("the broker can't be reached")]
    Unreachable,
    /// The message was not taken.
    #[error("{0}")]
    Refused(String),
}

/// The delay before a tenant's events are published again that could not be `failures` times in a row. `random` is
/// uniform in `[0, 1)`.
pub(crate) fn pause_after(failures: i32, random: f64) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.unsigned_abs().saturating_sub(1));
    let pause = FIRST_PAUSE.saturating_mul(doubled).min(LAST_PAUSE);
    pause.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 100, i32::MAX].map(|failures| pause_after(failures, 0.5));
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60, 60].map(Duration::from_secs));
        assert_eq!(pause_after(1, 0.0), Duration::from_millis(800));
    }
}
