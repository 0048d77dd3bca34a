//! Parts of sentences.

use chrono::{DateTime, Utc};
use oms_fulfilment::{FulfilmentOrder, Hold, HoldReason};
use oms_payments::GatewayCall;

/// A time, to the second.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1 unit`, `2 units`.
pub(super) fn units(count: i64) -> String {
    count_of(count, "unit")
}

/// A number of things, in the plural unless it is one.
pub(super) fn count_of(count: i64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// The hold on goods that no warehouse can send.
pub(super) fn no_warehouse(order: &FulfilmentOrder) -> Option<&Hold> {
    let mut holds = order.holds.iter();
    holds.find(|hold| hold.reason == HoldReason::NoWarehouse)
}

/// A text as a sentence of its own: with a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    match text.ends_with(['.', '!', '?']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

/// A call to the gateway, whose effect is unknown.
pub(super) fn unknown_call(call: &GatewayCall) -> String {
    let seconds = call.duration.as_secs_f64();
    let request = call.request_id.as_deref();
    let request = request.map(|id| format!(", request {id}"));
    format!(
        "{} gave no clear answer when it was asked {}, at {} ({} after {seconds:.1} s{})",
        call.gateway,
        call.request_in_words(),
        time(call.called_at),
        call.answer_in_words(),
        request.unwrap_or_default(),
    )
}
