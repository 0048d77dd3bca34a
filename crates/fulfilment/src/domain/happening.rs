//! What happened to the goods of an order between two looks at them, for its timeline.

use std::collections::HashMap;

use crate::domain::fulfilment_order::{FulfilmentOrder, FulfilmentOrderStatus};
use crate::domain::fulfilment_status::{Fulfilment, FulfilmentStatus};
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::line::Line;
use crate::domain::shipment::{Shipment, ShipmentStatus};

/// Something that happened to the goods of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening<'a> {
    /// A shipment was packed, sent, delivered or cancelled: its status says which.
    Shipment(&'a Shipment),
    /// A fulfilment order changed.
    FulfilmentOrder(&'a FulfilmentOrder, Turn),
    /// Everything that is to be sent was sent.
    Fulfilled,
    /// Everything that is to be sent was delivered.
    Delivered,
}

/// A change of a fulfilment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was opened.
    Opened,
    /// A warehouse began to work on it.
    Started,
    /// The warehouse returned it to the work list.
    Stopped,
    /// Its unsent units are kept from being sent until their money is refunded.
    Frozen,
    /// Its frozen units may be sent again.
    Thawed,
    /// Units of it were cancelled, and others are left to send.
    PartlyCancelled,
    /// Nothing is left to send, and something was sent.
    Closed,
    /// Nothing is left to send, and nothing was sent.
    Cancelled,
    /// Something is left to send again.
    Reopened,
}

impl Fulfilment {
    /// What happened since an earlier look, in the order in which a timeline tells it: shipments, then fulfilment
    /// orders, then the whole order. Work that begins with a shipment is not told apart.
    pub fn happened_since(&self, before: &Self) -> Vec<Happening<'_>> {
        let shipped: HashMap<ShipmentId, ShipmentStatus> = before
            .shipments
            .iter()
            .map(|it| (it.id, it.status))
            .collect();
        let is_new = |it: &&Shipment| shipped.get(&it.id) != Some(&it.status);
        let shipments = self.shipments.iter().filter(is_new);
        let mut happened: Vec<Happening<'_>> = shipments.map(Happening::Shipment).collect();
        let is_of_shipments = !happened.is_empty();
        let earlier: HashMap<FulfilmentOrderId, &FulfilmentOrder> = before
            .fulfilment_orders
            .iter()
            .map(|it| (it.id, it))
            .collect();
        for order in &self.fulfilment_orders {
            let turn = match earlier.get(&order.id) {
                None => Some(Turn::Opened),
                Some(earlier) => turn_of(earlier, order, is_of_shipments),
            };
            happened.extend(turn.map(|turn| Happening::FulfilmentOrder(order, turn)));
        }
        happened.extend(self.milestones_since(before.status()));
        happened
    }

    /// Whether the whole order is now fulfilled or delivered, and was not with an earlier status.
    fn milestones_since<'a>(&self, before: FulfilmentStatus) -> Vec<Happening<'a>> {
        let is_fulfilled = |status| {
            matches!(
                status,
                FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered
            )
        };
        let after = self.status();
        let mut reached = Vec::new();
        if is_fulfilled(after) && !is_fulfilled(before) {
            reached.push(Happening::Fulfilled);
        }
        if after == FulfilmentStatus::Delivered && before != after {
            reached.push(Happening::Delivered);
        }
        reached
    }
}

fn turn_of(
    before: &FulfilmentOrder,
    after: &FulfilmentOrder,
    is_of_shipments: bool,
) -> Option<Turn> {
    use FulfilmentOrderStatus::{Cancelled, Closed, InProgress, Open};
    match (before.status, after.status) {
        (Open | InProgress, Closed) => return Some(Turn::Closed),
        (Open | InProgress | Closed, Cancelled) => return Some(Turn::Cancelled),
        (Closed | Cancelled, Open | InProgress) => return Some(Turn::Reopened),
        _ => {}
    }
    let sum = |order: &FulfilmentOrder, of: fn(&Line) -> i32| -> i64 {
        order.lines.iter().map(|line| i64::from(of(line))).sum()
    };
    // Cancelled units are frozen before, and must not be told as units that may be sent again.
    let cancelled = |order| sum(order, |line| line.cancelled);
    if after.is_open() && cancelled(after) > cancelled(before) {
        return Some(Turn::PartlyCancelled);
    }
    let frozen = |order| sum(order, |line| line.frozen);
    match frozen(after).cmp(&frozen(before)) {
        std::cmp::Ordering::Greater => return Some(Turn::Frozen),
        std::cmp::Ordering::Less => return Some(Turn::Thawed),
        std::cmp::Ordering::Equal => {}
    }
    match (before.status, after.status) {
        (Open, InProgress) if !is_of_shipments => Some(Turn::Started),
        (InProgress, Open) => Some(Turn::Stopped),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fulfilment_order::tests::opened;
    use crate::domain::line::Units;
    use crate::domain::shipment::tests::shipment;

    fn fulfilment(order: &FulfilmentOrder, shipments: &[ShipmentStatus]) -> Fulfilment {
        Fulfilment {
            fulfilment_orders: vec![order.clone()],
            shipments: shipments.iter().map(|status| shipment(*status)).collect(),
            returns: Vec::new(),
        }
    }

    fn turns(before: &Fulfilment, after: &Fulfilment) -> Vec<String> {
        let word = |it: &Happening<'_>| match it {
            Happening::Shipment(shipment) => shipment.status.to_string(),
            Happening::FulfilmentOrder(_, turn) => format!("{turn:?}"),
            Happening::Fulfilled => "order fulfilled".to_owned(),
            Happening::Delivered => "order delivered".to_owned(),
        };
        after.happened_since(before).iter().map(word).collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let order = opened(&[2]);
        let open = fulfilment(&order, &[]);
        assert_eq!(turns(&Fulfilment::default(), &open), ["Opened"]);
        assert!(turns(&open, &open).is_empty());

        let mut started = order.clone();
        started.start().unwrap();
        let started = fulfilment(&started, &[]);
        assert_eq!(turns(&open, &started), ["Started"]);
        assert_eq!(turns(&started, &open), ["Stopped"]);

        let mut frozen = order.clone();
        frozen.freeze();
        let still = fulfilment(&frozen, &[]);
        assert_eq!(turns(&open, &still), ["Frozen"]);
        assert_eq!(turns(&still, &open), ["Thawed"]);
        frozen.cancel_frozen();
        let cancelled = fulfilment(&frozen, &[ShipmentStatus::Cancelled]);
        assert_eq!(turns(&still, &cancelled), ["CANCELLED", "Cancelled"]);
    }

    #[test]
    fn cancelled_units_are_not_told_as_units_that_may_be_sent_again() {
        let mut order = opened(&[3]);
        let one = Units::new(&[(1, 1)]).unwrap();
        order.pack(&one).unwrap();
        order.ship_packed(&one).unwrap();
        order.freeze();
        // Its shipment turned out never to have left: the unit is not frozen.
        order.unship(&one);
        let frozen = fulfilment(&order, &[]);
        order.cancel_frozen();
        let cancelled = fulfilment(&order, &[]);
        assert_eq!(order.outstanding(), 1);
        assert_eq!(turns(&frozen, &cancelled), ["PartlyCancelled"]);
    }

    #[test]
    fn the_last_units_fulfil_the_order_and_the_last_delivery_delivers_it() {
        use ShipmentStatus::{Cancelled, Delivered, Packed, Shipped};
        let mut order = opened(&[2]);
        let one = Units::new(&[(1, 1)]).unwrap();
        order.pack(&one).unwrap();
        let packed = fulfilment(&order, &[Packed]);
        order.ship_packed(&one).unwrap();
        let part = fulfilment(&order, &[Shipped]);
        assert_eq!(turns(&packed, &part), ["SHIPPED"]);
        let delivered_part = fulfilment(&order, &[Delivered]);
        assert_eq!(turns(&part, &delivered_part), ["DELIVERED"]);
        order.freeze();
        order.cancel_frozen();
        // The rest is cancelled: what was sent is all.
        let all = fulfilment(&order, &[Shipped]);
        assert_eq!(turns(&part, &all), ["Closed", "order fulfilled"]);
        let delivered = fulfilment(&order, &[Delivered]);
        assert_eq!(turns(&all, &delivered), ["DELIVERED", "order delivered"]);
        assert_eq!(
            turns(&delivered_part, &delivered),
            ["Closed", "order fulfilled", "order delivered"]
        );
        let mut back = order.clone();
        back.unship(&one);
        let back = fulfilment(&back, &[Cancelled]);
        assert_eq!(turns(&all, &back), ["CANCELLED", "Reopened"]);
    }
}
