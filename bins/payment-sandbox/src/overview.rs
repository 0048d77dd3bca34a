//! What the control API tells about the sandbox: the fault plan, numbers, and one order's
//! payments. Only reads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    charges::Charge,
    endpoint::Operation,
    faults::FaultPlan,
    gateway::Calls,
    intents::{Intent, Status},
    ledger::Ledger,
    rendering,
};

/// The fault plan with how often each rule was skipped and fired.
pub(crate) fn plan(plan: &FaultPlan) -> Value {
    json!(plan)
}

/// Calls since the process started; effects since the state began.
pub(crate) fn stats(ledger: &Ledger, calls: &Calls) -> Value {
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
    })
}

/// The payments of one order: `charges` counts those that took money and were not given back in
/// full; amounts are sums over all of the order's charges.
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

/// Every operation with its count, zeros too.
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
