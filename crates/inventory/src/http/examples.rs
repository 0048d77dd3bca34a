//! Examples in the OpenAPI document. A test validates each against its schema.

use serde_json::{Value, json};

const WAREHOUSE_ID: &str = "01a2057d-fe6d-70bb-8eed-a7de1ae0065e";
const OTHER_WAREHOUSE_ID: &str = "01a2057e-3c1b-7c0a-9f11-0a3f5b2c7d84";
const PRODUCT_ID: &str = "11111111-1111-4111-8111-111111111111";
const PRICE_LIST_ID: &str = "01a20583-0c41-7b7e-a1a4-5e7d2f4b9c10";
const ADDRESS: &str = "Hafenstrasse 1, 04109 Leipzig";
const TIME: &str = "2026-11-22T23:01:12.941566Z";

fn location() -> Value {
    json!({ "lat": 51.3397, "lng": 12.3731 })
}

fn prices() -> Value {
    json!([{ "amountMinor": 1000, "currency": "USD" }])
}

pub(super) fn new_warehouse() -> Value {
    json!({ "name": "Leipzig", "address": ADDRESS, "location": location() })
}

pub(super) fn warehouse_change() -> Value {
    json!({ "active": false })
}

pub(super) fn warehouse() -> Value {
    json!({
        "id": WAREHOUSE_ID,
        "name": "Leipzig",
        "address": ADDRESS,
        "location": location(),
        "active": true,
        "version": 1,
        "createdAt": TIME,
        "updatedAt": TIME
    })
}

pub(super) fn new_product() -> Value {
    json!({ "sku": "MUG-BLUE", "name": "Mug, blue", "prices": prices() })
}

pub(super) fn product_change() -> Value {
    json!({ "name": "Mug, dark blue" })
}

pub(super) fn product() -> Value {
    json!({
        "id": PRODUCT_ID,
        "sku": "MUG-BLUE",
        "name": "Mug, blue",
        "prices": prices(),
        "version": 1,
        "createdAt": TIME,
        "updatedAt": TIME
    })
}

pub(super) fn new_price_list() -> Value {
    json!({ "code": "wholesale", "currency": "USD", "validUntil": "2027-01-01T00:00:00Z" })
}

pub(super) fn price_list_change() -> Value {
    json!({ "validUntil": null })
}

pub(super) fn price_list() -> Value {
    json!({
        "id": PRICE_LIST_ID,
        "code": "wholesale",
        "currency": "USD",
        "validUntil": "2027-01-01T00:00:00Z",
        "active": true,
        "version": 1,
        "createdAt": TIME,
        "updatedAt": TIME
    })
}

pub(super) fn list_price() -> Value {
    json!({
        "productId": PRODUCT_ID,
        "minQuantity": 10,
        "unitPrice": { "amountMinor": 900, "currency": "USD" }
    })
}

pub(super) fn list_prices() -> Value {
    json!({ "prices": [
        { "productId": PRODUCT_ID, "unitPrice": { "amountMinor": 950, "currency": "USD" } },
        list_price()
    ] })
}

pub(super) fn stock_receive() -> Value {
    json!({ "warehouseId": WAREHOUSE_ID, "lines": [{ "productId": PRODUCT_ID, "quantity": 100 }] })
}

pub(super) fn stock_adjust() -> Value {
    json!({
        "warehouseId": WAREHOUSE_ID,
        "lines": [{ "productId": PRODUCT_ID, "quantity": -2 }],
        "reason": "broken in the warehouse"
    })
}

pub(super) fn stock_transfer() -> Value {
    json!({
        "fromWarehouseId": WAREHOUSE_ID,
        "toWarehouseId": OTHER_WAREHOUSE_ID,
        "lines": [{ "productId": PRODUCT_ID, "quantity": 10 }]
    })
}

pub(super) fn stock_quarantine() -> Value {
    json!({
        "warehouseId": WAREHOUSE_ID,
        "lines": [{ "productId": PRODUCT_ID, "quantity": 2 }],
        "reason": "the box is wet"
    })
}

pub(super) fn stock_quarantine_release() -> Value {
    json!({ "warehouseId": WAREHOUSE_ID, "lines": [{ "productId": PRODUCT_ID, "quantity": 1 }] })
}

pub(super) fn stock_level() -> Value {
    json!({
        "warehouseId": WAREHOUSE_ID,
        "warehouseName": "Leipzig",
        "productId": PRODUCT_ID,
        "sku": "MUG-BLUE",
        "onHand": 98,
        "reserved": 3,
        "backordered": 0,
        "quarantined": 2,
        "safetyStock": 5,
        "available": 88
    })
}

pub(super) fn stock_movement() -> Value {
    json!({
        "id": "01a20581-7c1e-7d52-9c6f-3f1f9ad1a0f4",
        "changeId": "01a20581-7c1e-7d52-9c6f-3f1f9ad1a0f3",
        "warehouseId": WAREHOUSE_ID,
        "productId": PRODUCT_ID,
        "kind": "adjustment",
        "quantity": -2,
        "quarantined": 0,
        "reason": "broken in the warehouse",
        "actor": "ops@example.org",
        "occurredAt": TIME
    })
}

pub(super) fn safety_stock() -> Value {
    json!({ "quantity": 5 })
}

pub(super) fn import_report() -> Value {
    let rejected = json!({
        "line": 17,
        "code": "row.unknown_product",
        "reason": "there is no product with the SKU MUG-GREEN"
    });
    json!({
        "id": "01a20582-1f0a-7c3e-8d5b-6a1f0c9e7b24",
        "kind": "stock",
        "linesDone": 1001,
        "accepted": 999,
        "changed": 998,
        "unchanged": 1,
        "rejected": 1,
        "rejections": [rejected],
        "createdAt": TIME,
        "finishedAt": TIME
    })
}
