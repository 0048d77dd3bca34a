//! The shape of events in the document.

use chrono::{DateTime, Utc};
use oms_validation::TenantId;
use serde_json::Value;
use utoipa::ToSchema;

use super::examples;
use crate::domain::feed::SubjectId;

/// An event. Nothing in it ever changes.
#[derive(ToSchema)]
#[schema(as = Event, rename_all = "camelCase", examples(examples::event))]
#[expect(dead_code, reason = "it documents what `Event` serializes")]
pub(crate) struct EventBody {
    /// The same wherever the event is read. Use it to recognise an event that you have dealt with.
    #[schema(
        pattern = "^evt_[0-9a-f]{32}(_[0-9]+)?$",
        example = "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2"
    )]
    id: String,
    /// One of `GET /event-types`.
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "order.paid")]
    r#type: String,
    /// When it happened.
    timestamp: DateTime<Utc>,
    tenant_id: TenantId,
    subject: SubjectBody,
    /// The number of the event among those of the order, from 1 without gaps. Absent for other subjects.
    #[schema(minimum = 1)]
    sequence: Option<i32>,
    /// Facts. `GET /event-types` has the schema of each type.
    #[schema(value_type = Object)]
    data: Value,
}

/// What an event is about.
#[derive(ToSchema)]
#[schema(as = EventSubject)]
#[expect(dead_code, reason = "it documents what `Event` serializes")]
pub(crate) struct SubjectBody {
    #[schema(example = "order")]
    r#type: String,
    id: SubjectId,
}
