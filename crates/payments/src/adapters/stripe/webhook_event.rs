//! Reads the event in a webhook. The caller must have verified the signature.
//!
//! The object in the event is a snapshot, and events arrive late, twice and out of order
//! (<https://docs.stripe.com/webhooks#event-ordering>). So only the payment that it is about is read.

use chrono::DateTime;
use oms_validation::TenantId;
use serde::Deserialize;

use super::NAME;
use super::objects::Metadata;
use crate::{EventRelevance, GatewayEventId, NewGatewayEvent, Reference};

/// Longest event type, in characters; the column has the same limit.
const MAX_TYPE_LENGTH: usize = 100;

/// Event types after which a payment's state may have changed: <https://docs.stripe.com/api/events/types>. Without
/// `payment_intent.created`, because only our own call creates one.
const RELEVANT: [&str; 22] = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// The body is not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Stripe event")]
pub(crate) struct NotAnEvent;

/// <https://docs.stripe.com/api/events/object>
#[derive(Deserialize)]
struct Event {
    id: String,
    object: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: EventObject,
}

/// The fields that we read of objects of all types.
#[derive(Deserialize)]
pub(super) struct EventObject {
    object: Option<String>,
    id: Option<String>,
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// Reads an event.
///
/// # Errors
/// When the text is not an event in Stripe's format.
pub(crate) fn parse(body: &[u8]) -> Result<NewGatewayEvent, NotAnEvent> {
    let event: Event = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
    if event.object != "event" || !is_type(&event.kind) {
        return Err(NotAnEvent);
    }
    let reference = event.data.object.reference()?;
    let relevance = match &reference {
        Some(_) if RELEVANT.contains(&event.kind.as_str()) => EventRelevance::Relevant,
        _ => EventRelevance::Ignored,
    };
    let metadata = event.data.object.metadata.as_ref();
    let seconds = Some(event.created).filter(|seconds| *seconds >= 0);
    Ok(NewGatewayEvent {
        gateway: NAME.to_owned(),
        id: GatewayEventId::parse(&event.id).map_err(|_| NotAnEvent)?,
        relevance,
        tenant_id: metadata.and_then(Metadata::tenant_id),
        order_id: metadata.and_then(Metadata::order_id),
        created_at: seconds
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or(NotAnEvent)?,
        reference,
        kind: event.kind,
    })
}

fn is_type(text: &str) -> bool {
    let of_a_type = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    (1..=MAX_TYPE_LENGTH).contains(&text.len()) && text.bytes().all(of_a_type)
}

impl EventObject {
    /// The tenant in the object's metadata, if any.
    pub(super) fn tenant_id(&self) -> Option<TenantId> {
        self.metadata.as_ref().and_then(Metadata::tenant_id)
    }

    /// The payment: an intent's own ID, or the intent of a charge, a refund or a dispute.
    pub(super) fn reference(&self) -> Result<Option<Reference>, NotAnEvent> {
        let id = match self.object.as_deref() {
            Some("payment_intent") => self.id.as_deref(),
            _ => self.payment_intent.as_deref(),
        };
        id.map(Reference::parse).transpose().map_err(|_| NotAnEvent)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TENANT: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
    const ORDER: &str = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

    fn event(kind: &str, object: &Value) -> Value {
        json!({
            "id": "evt_1", "object": "event", "api_version": "2026-07-29.dahlia", "created": 1_790_000_000,
            "data": { "object": object }, "livemode": false, "type": kind,
        })
    }

    fn intent() -> Value {
        json!({
            "id": "pi_1", "object": "payment_intent", "status": "succeeded",
            "metadata": { "order_id": ORDER, "tenant_id": TENANT, "attempt": "1" },
        })
    }

    fn read(event: &Value) -> Result<NewGatewayEvent, NotAnEvent> {
        parse(event.to_string().as_bytes())
    }

    #[test]
    fn an_event_names_its_payment_order_and_tenant() {
        let found = read(&event("payment_intent.succeeded", &intent())).unwrap();
        let expected = NewGatewayEvent {
            gateway: "stripe".to_owned(),
            id: GatewayEventId::parse("evt_1").unwrap(),
            kind: "payment_intent.succeeded".to_owned(),
            relevance: EventRelevance::Relevant,
            reference: Some(Reference::parse("pi_1").unwrap()),
            order_id: Some(ORDER.parse().unwrap()),
            tenant_id: Some(TENANT.parse().unwrap()),
            created_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn events_about_charges_and_refunds_name_their_payment() {
        for (kind, object) in [
            ("charge.succeeded", "charge"),
            ("charge.refunded", "charge"),
            ("refund.updated", "refund"),
            ("charge.refund.updated", "refund"),
            ("refund.failed", "refund"),
            ("charge.dispute.created", "dispute"),
            ("charge.dispute.closed", "dispute"),
        ] {
            let object =
                json!({ "id": "x_1", "object": object, "payment_intent": "pi_9", "metadata": {} });
            let found = read(&event(kind, &object)).unwrap();
            assert_eq!(found.reference.unwrap().as_str(), "pi_9", "{kind}");
            assert_eq!(found.relevance, EventRelevance::Relevant, "{kind}");
            assert_eq!((found.tenant_id, found.order_id), (None, None), "{kind}");
        }
    }

    #[test]
    fn an_event_that_does_not_concern_a_payment_is_ignored() {
        let alone = json!({ "id": "ch_1", "object": "charge", "payment_intent": null });
        for (kind, object) in [
            ("payment_intent.created", intent()),
            (
                "customer.created",
                json!({ "id": "cus_1", "object": "customer" }),
            ),
            ("v2.type.of.tomorrow", json!({})),
            ("charge.succeeded", alone),
        ] {
            let found = read(&event(kind, &object)).unwrap();
            assert_eq!(found.relevance, EventRelevance::Ignored, "{kind}");
        }
    }

    #[test]
    fn metadata_that_is_not_ours_names_no_order_and_no_tenant() {
        for metadata in [
            Value::Null,
            json!({}),
            json!({ "tenant_id": "me", "order_id": "42" }),
            json!({ "tenant_id": "00000000-0000-0000-0000-000000000000" }),
        ] {
            let object = json!({ "id": "pi_1", "object": "payment_intent", "metadata": metadata });
            let found = read(&event("payment_intent.succeeded", &object)).unwrap();
            assert_eq!((found.tenant_id, found.order_id), (None, None));
        }
    }

    #[test]
    fn a_body_that_is_not_an_event_is_rejected() {
        let good = event("payment_intent.succeeded", &intent());
        let with = |path: &str, value: Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(path).unwrap() = value;
            changed
        };
        for body in [
            json!(null),
            json!([]),
            json!({}),
            intent(),
            with("/object", json!("v2.core.event")),
            with("/id", json!("")),
            with("/id", json!("evt/1")),
            with("/id", json!("e".repeat(256))),
            with("/type", json!("")),
            with("/type", json!("a type")),
            with("/type", json!("t".repeat(101))),
            with("/created", json!("now")),
            with("/created", json!(-1)),
            with("/created", json!(i64::MAX)),
            with("/data", json!({})),
            with("/data/object/id", json!("pi/1")),
        ] {
            assert_eq!(read(&body), Err(NotAnEvent), "{body}");
        }
        assert_eq!(parse(b"\xff"), Err(NotAnEvent));
    }
}
