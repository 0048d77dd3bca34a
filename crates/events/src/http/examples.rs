//! Examples in the document.

use serde_json::{Value, json};

const ORDER_ID: &str = "01a2057d-fe6d-70bb-8eed-a7de1ae0065e";

pub(super) fn event() -> Value {
    json!({
        "id": "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2",
        "type": "order.paid",
        "timestamp": "2026-11-22T23:01:12.960113Z",
        "tenantId": "00000000-0000-4000-8000-000000000001",
        "subject": { "type": "order", "id": ORDER_ID },
        "sequence": 2,
        "data": {
            "orderId": ORDER_ID,
            "fromStatus": "PENDING_PAYMENT",
            "status": "PAID",
            "total": { "amountMinor": 2000, "currency": "USD" },
            "actor": "api:storefront",
            "href": format!("/orders/{ORDER_ID}"),
        },
    })
}

pub(super) fn page() -> Value {
    json!({ "items": [event()], "cursor": "e0000000000000002", "hasMore": false })
}

pub(super) fn types() -> Value {
    json!({ "items": [{
        "type": "stock.moved",
        "summary": "Units entered or left a warehouse.",
        "schema": { "type": "object" },
    }] })
}

const ENDPOINT_ID: &str = "01a2057d-fe6d-70bb-8eed-a7de1ae00701";

pub(super) fn new_endpoint() -> Value {
    json!({
        "url": "https://erp.example.com/oms",
        "description": "orders to the ERP",
        "types": ["order.*", "shipment.shipped"],
    })
}

pub(super) fn endpoint() -> Value {
    json!({
        "id": ENDPOINT_ID,
        "url": "https://erp.example.com/oms",
        "description": "orders to the ERP",
        "types": ["order.*", "shipment.shipped"],
        "ordering": "subject",
        "signing": "hmac",
        "maxInFlight": 8,
        "status": "enabled",
        "cursor": "e0000000000000002",
        "failures": 0,
        "version": 1,
        "createdAt": "2026-11-22T23:01:12.960113Z",
        "updatedAt": "2026-11-22T23:01:12.960113Z",
    })
}

pub(super) fn created_endpoint() -> Value {
    let mut created = endpoint();
    created["verificationKey"] = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=");
    created
}

pub(super) fn endpoint_change() -> Value {
    json!({ "maxInFlight": 32 })
}

pub(super) fn enable() -> Value {
    json!({ "resumeFrom": "earliest" })
}

pub(super) fn rotation() -> Value {
    json!({ "overlapHours": 24 })
}

pub(super) fn new_replay() -> Value {
    json!({ "from": "2026-11-22T12:00:00Z", "to": "2026-11-22T18:00:00Z", "types": ["order.paid"] })
}

pub(super) fn replay() -> Value {
    json!({
        "id": "01a2057d-fe6d-70bb-8eed-a7de1ae00703",
        "state": "running",
        "from": "e0000000000000010",
        "to": "e0000000000000a2f",
        "types": ["order.paid"],
        "events": 2591,
        "cursor": "e0000000000000110",
        "delivered": 127,
        "rejected": 1,
        "requestedBy": "api:erp",
        "createdAt": "2026-11-23T08:00:00.123456Z",
    })
}

pub(super) fn delivery() -> Value {
    json!({
        "eventId": "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2",
        "eventType": "order.paid",
        "state": "retrying",
        "tries": 2,
        "dueAt": "2026-11-22T23:06:12.960113Z",
        "lastOutcome": "rejected",
        "lastStatus": 422,
    })
}

pub(super) fn attempt() -> Value {
    json!({
        "id": "01a2057d-fe6d-70bb-8eed-a7de1ae00702",
        "eventId": "evt_01a2057dfe6d70bb8eeda7de1ae0065e_2",
        "eventType": "order.paid",
        "trigger": "first",
        "startedAt": "2026-11-22T23:01:12.960113Z",
        "durationMs": 41,
        "outcome": "rejected",
        "httpStatus": 422,
        "answerStart": "unknown SKU",
    })
}
