//! Events as clients read them.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use oms_validation::TenantId;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::key::EventKey;

/// Maximum size of an event as JSON.
pub(crate) const MAX_BYTES: usize = 8192;

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Such as `order`.
    pub kind: Cow<'static, str>,
    /// Its ID.
    pub id: Uuid,
}

impl Subject {
    /// Creates a subject.
    pub const fn new(kind: &'static str, id: Uuid) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            id,
        }
    }
}

/// The facts of an event. None of them may ever change: an event is rendered anew each time it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFacts {
    /// Its key.
    pub key: EventKey,
    /// Its type.
    pub event_type: String,
    /// What it is about.
    pub subject: Subject,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// A JSON object.
    pub data: Value,
}

/// An event for clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    tenant: TenantId,
    facts: EventFacts,
}

impl Event {
    /// Creates an event of at most [`MAX_BYTES`]. Data that is too large loses its longest lists, and has a member
    /// `truncated`.
    pub(crate) fn new(tenant: TenantId, facts: EventFacts) -> Self {
        let mut event = Self { tenant, facts };
        while event.size() > MAX_BYTES && event.drop_longest_list() {}
        event
    }

    /// Its key.
    pub fn key(&self) -> EventKey {
        self.facts.key
    }

    /// Its type.
    pub fn event_type(&self) -> &str {
        &self.facts.event_type
    }

    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.facts.subject
    }

    /// Its data.
    pub(crate) fn data(&self) -> &Value {
        &self.facts.data
    }

    /// When it happened.
    pub(crate) fn occurred_at(&self) -> DateTime<Utc> {
        self.facts.occurred_at
    }

    fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |bytes| bytes.len())
    }

    /// Returns `false` if there is no list.
    fn drop_longest_list(&mut self) -> bool {
        let mut lists = Vec::new();
        let mut path = Vec::new();
        find_lists(&self.facts.data, &mut path, &mut lists);
        let Some((_, path)) = lists.into_iter().max() else {
            return false;
        };
        let (last, parents) = path.split_last().expect("a list is a member of an object");
        let mut object = &mut self.facts.data;
        for name in parents {
            object = &mut object[name.as_str()];
        }
        if let Some(members) = object.as_object_mut() {
            members.remove(last);
        }
        self.facts.data["truncated"] = json!(true);
        true
    }
}

/// Finds the lists of an object and of the objects in it, with their sizes and paths.
fn find_lists(value: &Value, path: &mut Vec<String>, lists: &mut Vec<(usize, Vec<String>)>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        path.push(name.clone());
        match member {
            Value::Array(_) => lists.push((member.to_string().len(), path.clone())),
            member => find_lists(member, path, lists),
        }
        path.pop();
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &self.facts;
        let at = facts.occurred_at;
        let subject = json!({ "type": facts.subject.kind, "id": facts.subject.id });
        let mut event = serializer.serialize_struct("Event", 7)?;
        event.serialize_field("id", &facts.key.to_string())?;
        event.serialize_field("type", &facts.event_type)?;
        event.serialize_field(
            "timestamp",
            &at.to_rfc3339_opts(SecondsFormat::Micros, true),
        )?;
        event.serialize_field("tenantId", &self.tenant)?;
        event.serialize_field("subject", &subject)?;
        match facts.key.is_record() {
            true => event.skip_field("sequence")?,
            false => event.serialize_field("sequence", &facts.key.number)?,
        }
        event.serialize_field("data", &facts.data)?;
        event.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: Value) -> Event {
        let id = Uuid::from_u128(7);
        let facts = EventFacts {
            key: EventKey::of_order(id, 2),
            event_type: "order.paid".to_owned(),
            subject: Subject::new("order", id),
            occurred_at: DateTime::from_timestamp_micros(1_795_867_200_123_456).unwrap(),
            data,
        };
        Event::new(Uuid::from_u128(1).into(), facts)
    }

    #[test]
    fn an_event_names_its_type_subject_and_sequence() {
        let rendered = serde_json::to_value(event(json!({ "status": "PAID" }))).unwrap();
        assert_eq!(
            rendered,
            json!({
                "id": "evt_00000000000000000000000000000007_2",
                "type": "order.paid",
                "timestamp": "2026-11-28T12:00:00.123456Z",
                "tenantId": "00000000-0000-0000-0000-000000000001",
                "subject": { "type": "order", "id": "00000000-0000-0000-0000-000000000007" },
                "sequence": 2,
                "data": { "status": "PAID" },
            })
        );
    }

    #[test]
    fn an_event_that_is_too_large_loses_its_longest_list() {
        let long: Vec<u32> = (0..3000).collect();
        let data = json!({ "a": 1, "detail": { "lines": long, "short": [1, 2] } });
        let rendered = serde_json::to_value(event(data)).unwrap();
        assert_eq!(
            rendered["data"],
            json!({ "a": 1, "detail": { "short": [1, 2] }, "truncated": true })
        );
    }
}
