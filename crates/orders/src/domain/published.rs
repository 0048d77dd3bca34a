//! What the feed tells of an order's events. Everything in it is immutable, and nothing identifies a customer.

use oms_events::{EventFacts, EventKey, Subject};
use oms_validation::{Money, OrderId};
use serde_json::json;

use crate::domain::event::{CHANGED, OrderEvent};
use crate::domain::status::OrderStatus;

/// An event of an order with the facts of the order that never change.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) order_id: OrderId,
    pub(crate) event: OrderEvent,
    pub(crate) total: Money,
    /// Why the order failed; only for the event that it did.
    pub(crate) failure: Option<String>,
}

/// The type of an event in the feed.
fn type_of(event: &OrderEvent) -> &str {
    if event.kind != CHANGED {
        return &event.kind;
    }
    match (event.from, event.to) {
        (None, _) => "order.placed",
        (Some(from), to) if from == to => "order.noted",
        // The order was `PAID` before the refund.
        (Some(OrderStatus::Refunding), OrderStatus::Paid) => "order.refund_ended",
        (_, OrderStatus::Paid) => "order.paid",
        (_, OrderStatus::Failed) => "order.failed",
        (_, OrderStatus::Cancelling) => "order.cancelling",
        (_, OrderStatus::Cancelled) => "order.cancelled",
        (_, OrderStatus::Refunding) => "order.refunding",
        (_, OrderStatus::Refunded) => "order.refunded",
        (_, OrderStatus::PendingPayment | OrderStatus::Other(_)) => CHANGED,
    }
}

impl From<Published> for EventFacts {
    fn from(published: Published) -> Self {
        let Published {
            order_id,
            event,
            total,
            failure,
        } = published;
        let mut data = json!({
            "orderId": order_id,
            "status": event.to,
            "total": total,
            "actor": event.actor,
            "href": format!("/orders/{order_id}"),
        });
        if let Some(from) = event.from {
            data["fromStatus"] = json!(from);
        }
        if let Some(failure) = failure {
            data["failure"] = json!(failure);
        }
        let event_type = type_of(&event).to_owned();
        if let Some(detail) = event.data {
            data["detail"] = detail;
        }
        Self {
            key: EventKey::of_order(order_id.as_uuid(), event.sequence),
            event_type,
            subject: Subject::new("order", order_id.as_uuid()),
            occurred_at: event.occurred_at,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::event_types::EVENT_TYPES;

    fn event(from: Option<OrderStatus>, to: OrderStatus) -> OrderEvent {
        OrderEvent {
            sequence: 1,
            from,
            to,
            kind: CHANGED.to_owned(),
            data: None,
            actor: "api".to_owned(),
            reason: String::new(),
            occurred_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_change_of_the_status_has_a_published_type_of_its_own() {
        let mut types = vec![type_of(&event(None, OrderStatus::PendingPayment)).to_owned()];
        for from in OrderStatus::ALL {
            types.push(type_of(&event(Some(from), from)).to_owned());
            let next = OrderStatus::ALL
                .into_iter()
                .filter(|to| from.may_become(*to));
            types.extend(next.map(|to| type_of(&event(Some(from), to)).to_owned()));
        }
        for name in &types {
            assert!(EVENT_TYPES.iter().any(|it| it.name == name), "{name}");
        }
        types.sort();
        types.dedup();
        assert_eq!(types.len(), 9);
    }

    #[test]
    fn a_paid_order_is_not_announced_again_after_a_refund() {
        let ended = event(Some(OrderStatus::Refunding), OrderStatus::Paid);
        assert_eq!(type_of(&ended), "order.refund_ended");
    }
}
