//! The fulfilment status of an order, derived from its fulfilment orders and shipments and stored nowhere.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::returns::Return;
use crate::domain::returns::order_status::{OrderReturnStatus, occupied, return_status};
use crate::domain::shipment::{Shipment, ShipmentStatus};
use crate::domain::words;

words! {
    FulfilmentStatus, "The fulfilment status of an order, by its units.", {
        /// Nothing is to be sent: no money is secured, or the order ended before.
        None = "NONE",
        /// Nothing was sent, and something is left to send.
        Unfulfilled = "UNFULFILLED",
        /// Something was sent, and something is left to send.
        PartiallyFulfilled = "PARTIALLY_FULFILLED",
        /// Something was sent, and nothing is left to send.
        Fulfilled = "FULFILLED",
        /// Nothing is left to send, and every shipment was delivered.
        Delivered = "DELIVERED",
        /// Nothing was sent, and nothing is left to send.
        Cancelled = "CANCELLED",
    }
}

/// The fulfilment orders, the shipments and the returns of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fulfilment {
    /// Ordered by number.
    pub fulfilment_orders: Vec<FulfilmentOrder>,
    /// Ordered by number.
    pub shipments: Vec<Shipment>,
    /// Ordered by number.
    pub returns: Vec<Return>,
}

impl FulfilmentStatus {
    /// The status of an order that has fulfilment orders with this many units, and of which each shipment that is not
    /// cancelled is delivered, or not.
    pub(crate) const fn of_units(shipped: i64, outstanding: i64, is_delivered: bool) -> Self {
        match (shipped, outstanding, is_delivered) {
            (0, 0, _) => Self::Cancelled,
            (0, _, _) => Self::Unfulfilled,
            (_, 0, true) => Self::Delivered,
            (_, 0, false) => Self::Fulfilled,
            (_, _, _) => Self::PartiallyFulfilled,
        }
    }
}

impl Fulfilment {
    /// The fulfilment status of the order. It counts units, not lines: a line may be sent in part.
    pub fn status(&self) -> FulfilmentStatus {
        let orders = &self.fulfilment_orders;
        if orders.is_empty() {
            return FulfilmentStatus::None;
        }
        let outstanding: i64 = orders.iter().map(FulfilmentOrder::outstanding).sum();
        let shipped: i64 = orders.iter().map(FulfilmentOrder::shipped).sum();
        let is_delivered = |shipment: &Shipment| {
            matches!(
                shipment.status,
                ShipmentStatus::Delivered | ShipmentStatus::Cancelled
            )
        };
        let is_delivered = self.shipments.iter().all(is_delivered);
        FulfilmentStatus::of_units(shipped, outstanding, is_delivered)
    }

    /// Whether something of it is on hold.
    pub fn is_on_hold(&self) -> bool {
        let open = self.open();
        open.into_iter().any(|order| !order.holds.is_empty())
    }

    /// When something of it is to be sent next.
    pub fn next_ship_by(&self) -> Option<DateTime<Utc>> {
        self.open().filter_map(|order| order.ship_by).min()
    }

    /// Units that were sent.
    pub fn shipped(&self) -> i64 {
        self.fulfilment_orders
            .iter()
            .map(FulfilmentOrder::shipped)
            .sum()
    }

    /// How much of the order the customer has returned.
    pub fn return_status(&self) -> OrderReturnStatus {
        return_status(&self.returns, self.shipped())
    }

    /// Units of each line that were sent and are not in a return, by the lines' numbers.
    pub fn returnable(&self) -> BTreeMap<i32, i32> {
        let (mut units, occupied) = (BTreeMap::new(), occupied(&self.returns));
        for line in self.fulfilment_orders.iter().flat_map(|it| &it.lines) {
            *units.entry(line.number).or_default() += line.shipped;
        }
        for (number, left) in &mut units {
            *left -= occupied.get(number).copied().unwrap_or_default();
        }
        units
    }

    fn open(&self) -> impl Iterator<Item = &FulfilmentOrder> {
        self.fulfilment_orders
            .iter()
            .filter(|order| order.is_open())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fulfilment_order::tests::opened;
    use crate::domain::shipment::tests::shipment;

    /// Fulfilment orders with lines of (quantity, shipped, cancelled).
    fn fulfilment(orders: &[&[(i32, i32, i32)]], shipments: &[ShipmentStatus]) -> Fulfilment {
        let order = |lines: &&[(i32, i32, i32)]| {
            let quantities: Vec<i32> = lines.iter().map(|line| line.0).collect();
            let mut order = opened(&quantities);
            for (line, counts) in order.lines.iter_mut().zip(*lines) {
                (line.shipped, line.cancelled) = (counts.1, counts.2);
            }
            order
        };
        Fulfilment {
            fulfilment_orders: orders.iter().map(order).collect(),
            shipments: shipments.iter().map(|status| shipment(*status)).collect(),
            returns: Vec::new(),
        }
    }

    #[test]
    fn the_status_follows_from_units() {
        use ShipmentStatus::{Cancelled, Delivered, Packed, Shipped};
        for (orders, shipments, expected) in [
            (&[][..], &[][..], FulfilmentStatus::None),
            (&[&[(3, 0, 0)][..]], &[], FulfilmentStatus::Unfulfilled),
            (&[&[(3, 0, 0)]], &[Packed], FulfilmentStatus::Unfulfilled),
            // Two of three units of one line.
            (
                &[&[(3, 2, 0)]],
                &[Delivered],
                FulfilmentStatus::PartiallyFulfilled,
            ),
            (&[&[(3, 2, 1)]], &[Shipped], FulfilmentStatus::Fulfilled),
            (
                &[&[(3, 2, 1)]],
                &[Delivered, Cancelled],
                FulfilmentStatus::Delivered,
            ),
            (&[&[(3, 0, 3)]], &[Cancelled], FulfilmentStatus::Cancelled),
            (
                &[&[(1, 1, 0)], &[(1, 0, 0)]],
                &[Delivered],
                FulfilmentStatus::PartiallyFulfilled,
            ),
            (
                &[&[(1, 1, 0)], &[(1, 0, 1)]],
                &[Delivered],
                FulfilmentStatus::Delivered,
            ),
        ] {
            let found = fulfilment(orders, shipments).status();
            assert_eq!(found, expected, "{orders:?} {shipments:?}");
        }
    }

    proptest! {
        #[test]
        fn an_order_is_fulfilled_or_cancelled_exactly_when_nothing_is_outstanding(
            lines in prop::collection::vec((1..5_i32, 0..5_i32, 0..5_i32), 1..5),
        ) {
            let fits = |(quantity, shipped, cancelled): &(i32, i32, i32)| {
                let shipped = (*shipped).min(*quantity);
                (*quantity, shipped, (*cancelled).min(quantity - shipped))
            };
            let lines: Vec<_> = lines.iter().map(fits).collect();
            let found = fulfilment(&[&lines], &[ShipmentStatus::Shipped]);
            let outstanding: i32 = lines.iter().map(|(quantity, shipped, cancelled)| quantity - shipped - cancelled).sum();
            let is_over = matches!(found.status(), FulfilmentStatus::Fulfilled | FulfilmentStatus::Cancelled);
            prop_assert_eq!(is_over, outstanding == 0);
        }
    }
}
