//! Examples in the OpenAPI document. A test validates each against its schema.

use serde_json::{Value, json};

const FULFILMENT_ORDER_ID: &str = "01a2057d-fe91-7a02-8c1d-93f2c47a51be";
const SHIPMENT_ID: &str = "01a20a3c-51b7-7e0f-a6b5-1c9d0e8f7a64";
const ORDER_ID: &str = "01a2057d-fe6d-70bb-8eed-a7de1ae0065e";
const WAREHOUSE_ID: &str = "00000001-0000-4000-8000-000000000000";
const PRODUCT_ID: &str = "11111111-1111-4111-8111-111111111111";
const OPENED: &str = "2026-11-22T23:01:13.104211Z";
const SHIPPED: &str = "2026-11-23T10:41:02.517009Z";

pub(super) fn fulfilment_order() -> Value {
    json!({
        "id": FULFILMENT_ORDER_ID,
        "orderId": ORDER_ID,
        "number": 1,
        "warehouseId": WAREHOUSE_ID,
        "status": "IN_PROGRESS",
        "version": 2,
        "lines": [{
            "line": 1,
            "productId": PRODUCT_ID,
            "quantity": 2,
            "shipped": 1,
            "packed": 0,
            "cancelled": 0,
            "outstanding": 1,
            "ready": 1
        }],
        "actions": ["create_shipment", "move", "reject", "place_hold"],
        "createdAt": OPENED,
        "updatedAt": SHIPPED
    })
}

pub(super) fn shipment() -> Value {
    json!({
        "id": SHIPMENT_ID,
        "orderId": ORDER_ID,
        "number": 1,
        "fulfilmentOrderId": FULFILMENT_ORDER_ID,
        "warehouseId": WAREHOUSE_ID,
        "status": "SHIPPED",
        "version": 1,
        "destination": "191 Peachtree St NE, Atlanta, GA",
        "lines": [{ "line": 1, "productId": PRODUCT_ID, "quantity": 1 }],
        "parcels": [{
            "number": 1,
            "carrier": "UPS",
            "service": "Ground",
            "trackingNumber": "1Z999AA10123456784",
            "trackingUrl": "https://www.ups.com/track?tracknum=1Z999AA10123456784"
        }],
        "createdAt": SHIPPED,
        "updatedAt": SHIPPED,
        "shippedAt": SHIPPED
    })
}

pub(super) fn return_() -> Value {
    json!({
        "id": "01a2b1e4-0f3a-7c55-9d21-6b8e4f0a7c13",
        "orderId": ORDER_ID,
        "number": 1,
        "status": "RECEIVED",
        "version": 3,
        "requestedBy": "customer",
        "warehouseId": WAREHOUSE_ID,
        "lines": [{
            "line": 1,
            "productId": PRODUCT_ID,
            "quantity": 2,
            "reason": "wrong_size",
            "restocked": 1,
            "quarantined": 0,
            "discarded": 0,
            "missing": 0,
            "expected": 1,
            "accepted": 1
        }],
        "receipts": [{
            "id": "01a2b1f0-5d1c-7e88-8a4b-2c9d0e1f3a57",
            "warehouseId": WAREHOUSE_ID,
            "lines": [{ "line": 1, "restock": 1, "quarantine": 0, "discard": 0, "missing": 0 }],
            "actor": "api:dock-3",
            "receivedAt": "2026-12-04T08:15:27.301552Z"
        }],
        "note": "one size too small",
        "requestedAt": "2026-11-30T18:20:01.114205Z",
        "updatedAt": "2026-12-04T08:15:27.301552Z",
        "expiresAt": "2026-12-30T18:21:44.902117Z"
    })
}

pub(super) fn parcel_change() -> Value {
    json!({ "trackingNumber": "1Z999AA10123456784" })
}

pub(super) fn evacuation() -> Value {
    json!({
        "id": "01a20b11-3d0a-7c55-9a0f-2b7c1d4e6f80",
        "warehouseId": WAREHOUSE_ID,
        "status": "IN_PROGRESS",
        "reason": "water damage in hall 2",
        "actor": "api:operations",
        "moved": 412,
        "held": 3,
        "createdAt": OPENED,
        "progressedAt": SHIPPED
    })
}

pub(super) fn evacuated_order() -> Value {
    json!({
        "fulfilmentOrderId": FULFILMENT_ORDER_ID,
        "orderId": ORDER_ID,
        "outcome": "held",
        "reason": "no other warehouse can fill it",
        "recordedAt": SHIPPED
    })
}
