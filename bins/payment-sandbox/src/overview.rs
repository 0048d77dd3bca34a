//! The control API's reports: the fault plan, statistics, and one order's payments. Only reads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    charges::Charge,
    endpoint::Operation,
    events::{DeliveryState, Event},
    faults::FaultPlan,
    gateway::Calls,
    intents::{Intent, Status},
    ledger::Ledger,
    rendering,
    webhooks::WebhookEndpoint,
};

/// The fault plan, with how often each rule was skipped and fired.
pub(crate) fn plan(plan: &FaultPlan) -> Value {
    json!(plan)
}

/// Calls since the process started, and effects since the state began.
pub(crate) fn stats(ledger: &Ledger, calls: &Calls, rate_limited: u64, sent: u64) -> Value {
    let cancelled = ledger
        .intents
        .iter()
        .filter(|intent| intent.status == Status::Canceled);
    json!({
        "calls": counts(Some(&calls.total)),
        "effects": {
            "intentsCreated": ledger.intents.iter().count(),
            "charges": ledger.charges.iter().filter(|charge| charge.is_captured()).count(),
            "cancels": cancelled.count(),
            "refunds": ledger.refunds.iter().count(),
        },
        "callsPerOrder": calls_per_order(calls),
        "rateLimited": rate_limited,
        "webhooks": webhook_numbers(ledger, sent),
    })
}

/// The most calls that one order got.
fn calls_per_order(calls: &Calls) -> Value {
    let (order_id, total) = calls.busiest_order().unzip();
    json!({
        "orders": calls.by_order.len(),
        "max": counts(Some(&calls.most_of_one_order())),
        "maxTotal": total.unwrap_or(0),
        "maxTotalOrderId": order_id,
    })
}

fn webhook_numbers(ledger: &Ledger, sent: u64) -> Value {
    let deliveries = || ledger.events.iter().map(|event| &event.delivery);
    let in_state = |state| {
        deliveries()
            .filter(|delivery| delivery.state == state)
            .count()
    };
    json!({
        "events": deliveries().count(),
        "sent": sent,
        "delivered": in_state(DeliveryState::Delivered),
        "pending": in_state(DeliveryState::Pending),
        "dropped": in_state(DeliveryState::Dropped),
        "givenUp": in_state(DeliveryState::GivenUp),
    })
}

/// The webhook endpoint, and the deliveries of all events, oldest first.
pub(crate) fn webhooks(ledger: &Ledger, endpoint: Option<&WebhookEndpoint>) -> Value {
    let delivery = |event: &Event| {
        json!({
            "eventId": event.id,
            "type": event.kind,
            "objectId": event.object_id,
            "orderId": event.order_id,
            "state": event.delivery.state,
            "tries": event.delivery.tries,
            "lastStatus": event.delivery.last_status,
        })
    };
    json!({
        "url": endpoint.map(|endpoint| &endpoint.url),
        "deliveries": ledger.events.iter().map(delivery).collect::<Vec<_>>(),
    })
}

/// The payments of one order. `charges` counts those that took money and were not fully refunded; amounts are sums over
/// all of the order's charges.
pub(crate) fn order(ledger: &Ledger, calls: &Calls, order_id: &str) -> Value {
    let intents: Vec<&Intent> = ledger.intents_of_order(order_id).collect();
    let charges: Vec<&Charge> = intents
        .iter()
        .filter_map(|intent| ledger.charges.find(intent.latest_charge.as_deref()?))
        .collect();
    json!({
        "intents": intents.iter().map(|intent| rendering::intent(intent)).collect::<Vec<_>>(),
        "charges": charges.iter().filter(|charge| charge.unrefunded() > 0).count(),
        "capturedMinor": charges.iter().map(|charge| charge.amount_captured).sum::<u64>(),
        "refundedMinor": charges.iter().map(|charge| charge.amount_refunded).sum::<u64>(),
        "calls": counts(calls.by_order.get(order_id)),
    })
}

/// Every operation with its count, including zeros.
fn counts(calls: Option<&BTreeMap<Operation, u64>>) -> Value {
    let count = |operation| {
        calls
            .and_then(|calls| calls.get(&operation))
            .copied()
            .unwrap_or(0)
    };
    json!(BTreeMap::from(
        Operation::ALL.map(|operation| (operation, count(operation)))
    ))
}
