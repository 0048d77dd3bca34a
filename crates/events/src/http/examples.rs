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
