//! Examples for the API document. A test checks each against its schema.

use serde_json::{Value, json};

const ORDER_ID: &str = "01a2057d-fe6d-70bb-8eed-a7de1ae0065e";
const PRODUCT_ID: &str = "11111111-1111-4111-8111-111111111111";
const WAREHOUSE_ID: &str = "00000001-0000-4000-8000-000000000000";
const FULFILMENT_ORDER_ID: &str = "01a2057d-fe91-7a02-8c1d-93f2c47a51be";
const SHIPMENT_ID: &str = "01a20a3c-51b7-7e0f-a6b5-1c9d0e8f7a64";
const ADDRESS: &str = "191 Peachtree St NE, Atlanta, GA";

pub(super) fn new_order() -> Value {
    json!({
        "customerId": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
        "shippingAddress": ADDRESS,
        "items": [{ "productId": PRODUCT_ID, "quantity": 2, "expectedUnitPrice": usd(1000) }],
        "currency": "USD",
        "priceList": "wholesale",
        "adjustments": [
            { "kind": "discount", "scope": "order", "amountMinor": -200, "label": "Summer sale", "code": "SUMMER" },
            { "kind": "shipping", "scope": "shipping", "amountMinor": 490, "label": "Standard" },
            { "kind": "tax", "scope": "order", "amountMinor": 160, "label": "Sales tax", "ratePpm": 88875 }
        ],
        "expectedTotal": usd(2450),
        "paymentMethod": "pm_card_visa",
        "externalReference": "#1001",
        "metadata": { "gift": "yes" }
    })
}

pub(super) fn routing_request() -> Value {
    json!({
        "shippingAddress": {
            "line1": "191 Peachtree St NE",
            "city": "Atlanta",
            "region": "GA",
            "location": { "lat": 33.7578, "lng": -84.3876 }
        },
        "items": [{ "productId": PRODUCT_ID, "quantity": 2 }]
    })
}

pub(super) fn explanation() -> Value {
    json!({
        "orderId": ORDER_ID,
        "status": "PENDING_PAYMENT",
        "happened": "stripe gave no clear answer when it was asked to collect the payment, at 2026-11-29 12:00:31 UTC (no answer in time after 8.0 s).",
        "money": "Unknown: stripe may have taken 20.00 USD.",
        "goods": "2 units reserved in Atlanta Distribution Center.",
        "next": {
            "who": "oms",
            "at": "2026-11-29T12:00:51Z",
            "text": "oms settles the payment at 2026-11-29 12:00:51 UTC: try 1 of 20."
        },
        "possible": [{
            "step": "cancel",
            "text": "Cancel the order. oms makes sure that no money is taken, or refunds it.",
            "method": "POST",
            "path": format!("/orders/{ORDER_ID}/cancel")
        }]
    })
}

pub(super) fn order_summary() -> Value {
    json!({
        "orderId": ORDER_ID,
        "status": "PAID",
        "customerId": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
        "warehouseId": WAREHOUSE_ID,
        "warehouseName": "Atlanta Distribution Center",
        "total": usd(2000),
        "exponent": 2,
        "items": [{
            "productId": PRODUCT_ID,
            "quantity": 2,
            "unitPrice": usd(1000),
            "total": usd(2000),
            "payable": usd(2000)
        }],
        "externalReference": "#1001",
        "metadata": { "gift": "yes" },
        "createdAt": "2026-11-22T23:01:12.941566Z"
    })
}

pub(super) fn order() -> Value {
    let mut order = order_summary();
    order["shippingAddress"] = json!(ADDRESS);
    order["payment"] = json!({
        "state": "paid",
        "gateway": "stripe",
        "attempt": 1,
        "amount": usd(2000),
        "captured": usd(2000),
        "refunded": usd(500),
        "refundable": usd(1500),
        "reference": "pi_952bdc58e1bc480193711688128441ba"
    });
    order["owed"] = usd(1500);
    order["held"] = usd(1500);
    order["balance"] = usd(0);
    order["credits"] = json!([{
        "creditId": "01a20581-7c1e-7d52-9c6f-4a2c8be1c1d5",
        "part": "line",
        "line": 1,
        "amount": usd(500),
        "refundId": "01a20581-7c1e-7d52-9c6f-3f1f9ad1a0f4"
    }]);
    order["refunds"] = json!([refund()]);
    order["fulfilmentStatus"] = json!("UNFULFILLED");
    order["returnStatus"] = json!("NONE");
    order["fulfilmentOrders"] = json!([{
        "id": FULFILMENT_ORDER_ID,
        "warehouseId": WAREHOUSE_ID,
        "status": "OPEN",
        "outstanding": 2
    }]);
    order["routing"] = json!({
        "destination": { "lat": 33.7578, "lng": -84.3876 },
        "explanation": "Atlanta Distribution Center is the nearest warehouse, and has everything that was ordered.",
        "candidates": [{
            "warehouseId": WAREHOUSE_ID,
            "warehouseName": "Atlanta Distribution Center",
            "distanceM": 979,
            "outcome": "chosen",
            "explanation": "Atlanta Distribution Center is 979 m away and has everything that was ordered."
        }]
    });
    order
}

pub(super) fn erasure() -> Value {
    json!({
        "erasureId": "01a2157e-baf1-76d4-831b-4bb36798ebc1",
        "state": "waiting",
        "erasedOrders": 41,
        "waitingOrders": [{ "orderId": ORDER_ID, "status": "REFUNDING" }],
        "requestedAt": "2026-11-28T09:30:00Z",
        "coversUntil": "2026-11-28T09:30:00Z"
    })
}

pub(super) fn pending_order() -> Value {
    json!({
        "orderId": ORDER_ID,
        "status": "PENDING_PAYMENT",
        "payment": {
            "state": "needs_action",
            "gateway": "stripe",
            "attempt": 1,
            "amount": usd(2000),
            "reference": "pi_952bdc58e1bc480193711688128441ba",
            "clientSecret": "pi_952bdc58e1bc480193711688128441ba_secret_YrKJUKribcBjcG8HVhfZluoGH",
            "nextAction": {
                "type": "redirect_to_url",
                "redirectUrl": "https://hooks.stripe.com/redirect/authenticate/src_1Ny"
            },
            "actions": ["authenticate", "try_another_method", "cancel"],
            "expiresAt": "2026-11-22T23:16:12.941566Z"
        }
    })
}

pub(super) fn new_payment() -> Value {
    json!({ "paymentMethod": "pm_card_mastercard", "returnUrl": "https://shop.example/checkout/done" })
}

pub(super) fn new_refund() -> Value {
    json!({
        "lines": [{ "line": 1, "amount": usd(500) }],
        "expectedAmount": usd(500),
        "reason": "arrived scratched"
    })
}

pub(super) fn refund() -> Value {
    json!({
        "refundId": "01a20581-7c1e-7d52-9c6f-3f1f9ad1a0f4",
        "orderId": ORDER_ID,
        "status": "refunded",
        "actor": "oms",
        "requestedBy": "api:support.ann",
        "amount": usd(500),
        "reason": "arrived scratched",
        "reference": "re_0f3c2b7d9a5e4c1f8b6d",
        "createdAt": "2026-11-23T09:12:44.100212Z"
    })
}

pub(super) fn settings() -> Value {
    json!({
        "currencies": ["EUR", "USD"],
        "returns": {
            "windowDays": 30,
            "anchor": "delivered",
            "autoApprove": false,
            "authorisationDays": 30,
            "creditOn": "received",
            "restockingFeePpm": 0,
            "refundShipping": "on_full_return"
        }
    })
}

pub(super) fn returnable() -> Value {
    json!({
        "lines": [{
            "line": 1,
            "productId": PRODUCT_ID,
            "returnable": 2,
            "open": 2,
            "windowEnds": "2026-12-24T14:02:00Z",
            "credit": usd(2000)
        }]
    })
}

pub(super) fn new_return() -> Value {
    json!({
        "lines": [{ "line": 1, "quantity": 2, "reason": "wrong_size" }],
        "note": "one size too small"
    })
}

pub(super) fn return_approval() -> Value {
    json!({ "warehouseId": WAREHOUSE_ID })
}

pub(super) fn return_decision() -> Value {
    json!({ "reason": "it was worn" })
}

pub(super) fn return_closing() -> Value {
    json!({ "refundWithoutReceipt": true, "reason": "not worth the postage" })
}

pub(super) fn return_refund() -> Value {
    json!({ "despiteDispute": false })
}

pub(super) fn new_receipt() -> Value {
    json!({
        "warehouseId": WAREHOUSE_ID,
        "lines": [{ "line": 1, "restock": 1, "quarantine": 1 }]
    })
}

pub(super) fn dead_letter() -> Value {
    json!({
        "id": "01a2059e-31c8-7c0a-a1d4-6f4f4a2d9b10",
        "state": "open",
        "orderId": ORDER_ID,
        "orderStatus": "PENDING_PAYMENT",
        "reason": "the gateway charged 1900 USD instead of 2000 USD",
        "tries": 3,
        "createdAt": "2026-11-23T00:02:10.000000Z"
    })
}

pub(super) fn new_dead_letter() -> Value {
    json!({
        "orderId": "01a205a4-8a11-7c02-9be5-0f6c1d2e3a4b",
        "reason": "the refund is pending at the bank for three months",
    })
}

pub(super) fn dead_letter_verdict() -> Value {
    json!({ "as": "failed", "reason": "the bank confirmed that nothing was booked" })
}

pub(super) fn finding() -> Value {
    json!({
        "id": "01a205b0-0d2f-7a44-8f0e-5c0d1e2f3a4b",
        "state": "open",
        "kind": "charge_without_order",
        "gateway": "stripe",
        "charge": "ch_3c2b7d9a5e4c1f8b6d",
        "installationId": "01a205b0-0d2f-7a44-8f0e-6d1e2f3a4b5c",
        "found": usd(2000),
        "detail": "charge ch_3c2b7d9a5e4c1f8b6d of 20.00 USD belongs to no order of ours",
        "action": "none",
        "tries": 0,
        "foundAt": "2026-11-23T01:00:00.000000Z",
        "lastSeenAt": "2026-11-23T02:00:00.000000Z"
    })
}

pub(super) fn new_shipment() -> Value {
    json!({
        "lines": [{ "line": 1, "quantity": 1 }],
        "parcels": [{ "carrier": "UPS", "service": "Ground", "trackingNumber": "1Z999AA10123456784" }],
        "status": "SHIPPED"
    })
}

pub(super) fn shipment_batch() -> Value {
    json!({
        "items": [
            {
                "action": "create",
                "idempotencyKey": "station-7/1041",
                "fulfilmentOrderId": FULFILMENT_ORDER_ID
            },
            {
                "action": "ship",
                "idempotencyKey": "station-7/1042",
                "shipmentId": SHIPMENT_ID
            }
        ]
    })
}

pub(super) fn delivery() -> Value {
    json!({ "deliveredAt": "2026-11-24T14:02:00Z" })
}

pub(super) fn shipment_cancellation() -> Value {
    json!({ "reason": "the carrier did not come" })
}

pub(super) fn shipment_parcels() -> Value {
    json!({ "parcels": [{ "carrier": "UPS", "trackingNumber": "1Z999AA10123456784" }] })
}

pub(super) fn new_hold() -> Value {
    json!({ "handle": "fraud-check", "reason": "fraud_check", "note": "billing and shipping country differ" })
}

pub(super) fn tracking_report() -> Value {
    json!({
        "parcel": 1,
        "status": "delivered",
        "detail": "handed to the customer",
        "happenedAt": "2026-11-24T14:02:00Z"
    })
}

pub(super) fn move_request() -> Value {
    json!({ "lines": [{ "line": 1, "quantity": 1 }], "reason": "the customer is nearer to it now" })
}

pub(super) fn rejection() -> Value {
    json!({ "reason": "not_found", "note": "the bin is empty", "stock": "write_off_all" })
}

pub(super) fn evacuation_request() -> Value {
    json!({ "reason": "water damage in hall 2" })
}

pub(super) fn moved() -> Value {
    json!({
        "id": "01a20c08-7a11-7b0a-9e57-8d2f60c1a3b4",
        "fulfilmentOrderId": FULFILMENT_ORDER_ID,
        "toFulfilmentOrderId": FULFILMENT_ORDER_ID,
        "fromWarehouseId": WAREHOUSE_ID,
        "toWarehouseId": "00000002-0000-4000-8000-000000000000",
        "lines": [{ "line": 1, "quantity": 2 }],
        "cause": "rejected",
        "reason": "the bin is empty",
        "actor": "api:warehouse-atlanta",
        "movedAt": "2026-11-23T09:30:11.502113Z"
    })
}

fn usd(amount_minor: i64) -> Value {
    json!({ "amountMinor": amount_minor, "currency": "USD" })
}
