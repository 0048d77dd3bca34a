//! Stripe's list of its events of the last 30 days, to find webhooks that never arrived.
//! <https://docs.stripe.com/api/events/list>

use serde::Deserialize;

use super::answers::{is_success, parse, refusal, unintelligible};
use super::objects::{Object, Page};
use super::transport::Answer;
use super::webhook_event::EventObject;
use crate::{ChargeWindow, GatewayError, GatewayEventId, Report, ReportPage};

/// Events per page, which is Stripe's maximum.
const PAGE_SIZE: usize = 100;

/// Event types that report a refund or a dispute.
const TYPES: [&str; 8] = [
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
];

/// Stripe's times are whole seconds, so adjacent windows leave no gap.
pub(super) fn list_path(window: &ChargeWindow, after: Option<&GatewayEventId>) -> String {
    let (from, to) = (window.from.timestamp(), window.to.timestamp());
    let mut path =
        format!("/v1/events?limit={PAGE_SIZE}&created%5Bgte%5D={from}&created%5Blt%5D={to}");
    for kind in TYPES {
        path.push_str("&types%5B%5D=");
        path.push_str(kind);
    }
    if let Some(id) = after {
        path.push_str("&starting_after=");
        path.push_str(id.as_str());
    }
    path
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

impl Object for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
struct Data {
    object: EventObject,
}

/// Reads a page. A page that points to itself as the next one is not believed. Events that name no payment are skipped.
pub(super) fn of_list(
    answer: &Answer,
    after: Option<&GatewayEventId>,
) -> Result<ReportPage, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Event> = parse(answer)?;
    let last = page.last_id().map(GatewayEventId::parse);
    let last = last.transpose().map_err(|_| unintelligible(answer))?;
    let next = match page.has_more {
        true if last.is_none() || last.as_ref() == after => return Err(unintelligible(answer)),
        true => last,
        false => None,
    };
    let report = |event: &Event| {
        let object = &event.data.object;
        let reference = object.reference().ok()??;
        Some(Report {
            id: GatewayEventId::parse(&event.id).ok()?,
            reference,
            tenant_id: object.tenant_id(),
        })
    };
    Ok(ReportPage {
        reports: page.read().filter_map(report).collect(),
        next,
    })
}
