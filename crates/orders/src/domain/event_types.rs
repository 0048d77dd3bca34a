//! The types of events that orders publishes, with the schemas of their data.

use oms_events::EventType;
use serde_json::{Value, json};

use crate::domain::event::CHANGED;
use crate::domain::status::OrderStatus;

/// Whether the feed knows a kind of event on a timeline.
pub(crate) fn is_published(kind: &str) -> bool {
    kind == CHANGED || EVENT_TYPES.iter().any(|it| it.name == kind)
}

/// A member of the detail of an event: its name, with a question mark if it may be absent, and its type.
type Member = (&'static str, Kind);

/// The type of a member.
#[derive(Clone, Copy)]
enum Kind {
    Id,
    Word,
    Number,
    Flag,
    Amount,
    /// A list of objects with these members.
    Lines(&'static [Member]),
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Id => json!({ "type": "string", "format": "uuid" }),
        Kind::Word => json!({ "type": "string" }),
        Kind::Number => json!({ "type": "integer" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Amount => object(&[("amountMinor", Kind::Number), ("currency", Kind::Word)]),
        Kind::Lines(members) => json!({ "type": "array", "items": object(members) }),
    }
}

fn object(members: &[Member]) -> Value {
    let mut object = json!({ "type": "object", "properties": {}, "required": [] });
    for (name, kind) in members {
        let is_optional = name.ends_with('?');
        let name = name.trim_end_matches('?');
        object["properties"][name] = schema(*kind);
        // A list that makes an event too large is left out.
        if !is_optional && !matches!(kind, Kind::Lines(_)) {
            let required = object["required"].as_array_mut();
            required.expect("it is a list").push(json!(name));
        }
    }
    object
}

/// The data of an order's event, without detail.
fn order(detail: Option<&[Member]>) -> Value {
    let mut data = object(&[
        ("orderId", Kind::Id),
        ("status", Kind::Word),
        ("fromStatus?", Kind::Word),
        ("total", Kind::Amount),
        ("actor", Kind::Word),
        ("failure?", Kind::Word),
        ("href", Kind::Word),
        ("truncated?", Kind::Flag),
    ]);
    let statuses = OrderStatus::ALL.map(OrderStatus::as_str);
    data["properties"]["status"]["examples"] = json!(statuses);
    data["properties"]["fromStatus"]["description"] = json!(
        "The status before. The same as `status` if the event did not change it; absent when the order was placed."
    );
    data["properties"]["actor"]["description"] =
        json!("Who caused it: `api:storefront`, `sweeper`, `operator:ann`, ….");
    data["properties"]["href"]["description"] = json!("Where to read the current state.");
    if let Some(detail) = detail {
        data["properties"]["detail"] = object(detail);
        let required = data["required"].as_array_mut();
        required.expect("it is a list").push(json!("detail"));
    }
    data
}

const SHIPMENT: &[Member] = &[
    ("shipmentId", Kind::Id),
    ("number", Kind::Number),
    ("fulfilmentOrderId", Kind::Id),
    ("warehouseId", Kind::Id),
    (
        "lines",
        Kind::Lines(&[
            ("line", Kind::Number),
            ("productId", Kind::Id),
            ("quantity", Kind::Number),
        ]),
    ),
];

const FULFILMENT_ORDER: &[Member] = &[
    ("fulfilmentOrderId", Kind::Id),
    ("warehouseId", Kind::Id),
    ("onHold?", Kind::Flag),
];

const UNITS: Kind = Kind::Lines(&[("line", Kind::Number), ("quantity", Kind::Number)]);

const RETURN: &[Member] = &[
    ("returnId", Kind::Id),
    ("number", Kind::Number),
    ("warehouseId?", Kind::Id),
    (
        "lines",
        Kind::Lines(&[
            ("line", Kind::Number),
            ("productId", Kind::Id),
            ("quantity", Kind::Number),
            ("reason", Kind::Word),
        ]),
    ),
];

const RECEIPT: &[Member] = &[
    ("returnId", Kind::Id),
    ("number", Kind::Number),
    ("receiptId", Kind::Id),
    ("warehouseId", Kind::Id),
    (
        "lines",
        Kind::Lines(&[
            ("line", Kind::Number),
            ("restock", Kind::Number),
            ("quarantine", Kind::Number),
            ("discard", Kind::Number),
            ("missing", Kind::Number),
        ]),
    ),
];

fn dead_letter(more: Member) -> Value {
    object(&[
        ("deadLetterId", Kind::Id),
        ("orderId", Kind::Id),
        ("href", Kind::Word),
        more,
    ])
}

fn finding(more: Member) -> Value {
    object(&[
        ("findingId", Kind::Id),
        ("kind", Kind::Word),
        ("orderId?", Kind::Id),
        ("href", Kind::Word),
        more,
    ])
}

/// Rows of the table: name, summary, and the detail of an order's event.
macro_rules! types {
    ($($name:literal, $summary:literal, $detail:expr;)+) => {
        &[
            $(EventType {
                name: $name,
                summary: $summary,
                subject: "order",
                needs_operator: false,
                data: || order($detail),
            },)+
            EventType {
                name: "dead_letter.opened",
                summary: "An order can't be settled without an operator.",
                subject: "dead_letter",
                needs_operator: true,
                data: || dead_letter(("tries", Kind::Number)),
            },
            EventType {
                name: "dead_letter.resolved",
                summary: "A dead letter was resolved, or its order was settled by other means.",
                subject: "dead_letter",
                needs_operator: false,
                data: || dead_letter(("resolution", Kind::Word)),
            },
            EventType {
                name: "finding.opened",
                summary: "The gateway's books differ from ours, or a payment was disputed. Also if an open or resolved finding was reported again.",
                subject: "finding",
                needs_operator: true,
                data: || finding(("truncated?", Kind::Flag)),
            },
            EventType {
                name: "finding.resolved",
                summary: "A finding was resolved.",
                subject: "finding",
                needs_operator: false,
                data: || finding(("resolvedBy", Kind::Word)),
            },
        ]
    };
}

/// The types of events that orders publishes.
pub const EVENT_TYPES: &[EventType] = types! {
    "order.placed", "An order was placed. Its status is `PAID` if nothing was to be paid.", None;
    "order.paid", "The payment was collected.", None;
    "order.failed", "No payment was collected, and the stock was released.", None;
    "order.cancelling", "A cancellation began.", None;
    "order.cancelled", "The order was cancelled, and no money is left with the merchant.", None;
    "order.refunding", "A refund began.", None;
    "order.refund_ended", "A refund ended and the order is `PAID` again: a part of the money was refunded, or the refund failed.", None;
    "order.refunded", "All of the money was refunded.", None;
    "order.noted", "Something else about the order changed, such as an erasure or what an operator did. Read the order.", None;
    "order.fulfilled", "Everything that is to be sent was sent.", Some(&[]);
    "order.delivered", "Everything that is to be sent was delivered.", Some(&[]);
    "fulfilment_order.opened", "A warehouse is to send a part of the order.", Some(FULFILMENT_ORDER);
    "fulfilment_order.started", "Work on a fulfilment order began.", Some(FULFILMENT_ORDER);
    "fulfilment_order.stopped", "Work on a fulfilment order stopped.", Some(FULFILMENT_ORDER);
    "fulfilment_order.frozen", "Nothing more of a fulfilment order is sent for now.", Some(FULFILMENT_ORDER);
    "fulfilment_order.thawed", "The rest of a fulfilment order may be sent again.", Some(FULFILMENT_ORDER);
    "fulfilment_order.partly_cancelled", "Units of a fulfilment order were cancelled, and others are left to send.", Some(FULFILMENT_ORDER);
    "fulfilment_order.closed", "Nothing of a fulfilment order is left to send.", Some(FULFILMENT_ORDER);
    "fulfilment_order.cancelled", "Nothing of a fulfilment order will be sent.", Some(FULFILMENT_ORDER);
    "fulfilment_order.reopened", "Something of a fulfilment order is left to send again.", Some(FULFILMENT_ORDER);
    "fulfilment_order.held", "A fulfilment order was put on hold.", Some(&[
        ("fulfilmentOrderId", Kind::Id), ("handle", Kind::Word), ("reason", Kind::Word),
    ]);
    "fulfilment_order.released", "A hold of a fulfilment order was released.", Some(&[
        ("fulfilmentOrderId", Kind::Id), ("handle", Kind::Word),
    ]);
    "fulfilment_order.moved", "Units of a fulfilment order went to another warehouse.", Some(&[
        ("moveId", Kind::Id), ("fulfilmentOrderId", Kind::Id), ("toFulfilmentOrderId", Kind::Id),
        ("fromWarehouseId", Kind::Id), ("toWarehouseId", Kind::Id), ("cause", Kind::Word), ("lines", UNITS),
    ]);
    "fulfilment_order.rejected", "A warehouse rejected units.", Some(&[
        ("fulfilmentOrderId", Kind::Id), ("warehouseId", Kind::Id), ("reason", Kind::Word), ("lines", UNITS),
    ]);
    "shipment.packed", "A shipment was packed.", Some(SHIPMENT);
    "shipment.shipped", "A shipment was handed over to a carrier.", Some(SHIPMENT);
    "shipment.delivered", "A shipment was delivered.", Some(SHIPMENT);
    "shipment.cancelled", "A shipment was cancelled before it left.", Some(SHIPMENT);
    "return.requested", "A customer wants to return units.", Some(RETURN);
    "return.approved", "A return was approved.", Some(RETURN);
    "return.declined", "A return was declined.", Some(RETURN);
    "return.cancelled", "A return was withdrawn.", Some(RETURN);
    "return.received", "Units of a return arrived.", Some(RECEIPT);
    "return.closed", "Nothing more of a return is expected.", Some(RETURN);
    "credit.granted", "The customer was credited for a return.", Some(&[
        ("returnId", Kind::Id), ("number", Kind::Number), ("amount", Kind::Amount),
    ]);
};
