//! Units that go to another warehouse.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, WarehouseId};
use serde_json::Value;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::{FulfilmentOrderId, MoveId};
use crate::domain::line::{Line, Units};
use crate::domain::refusal::Refusal;
use crate::domain::status::FulfilmentOrderStatus;
use crate::domain::words;

words! {
    MoveCause, "Why units went to another warehouse.", {
        /// A request moved them.
        Operator = "operator",
        /// Their warehouse rejected them.
        Rejected = "rejected",
        /// Their warehouse was evacuated.
        Evacuation = "evacuation",
        /// Their shipment never left, and another fulfilment order of the order is open in the warehouse.
        ShipmentCancelled = "shipment_cancelled",
    }
}

words! {
    RejectionReason, "Why a warehouse can't send units.", {
        /// They are not where they should be.
        NotFound = "not_found",
        /// They are damaged.
        Damaged = "damaged",
        /// The warehouse has too much to do.
        Capacity = "capacity",
        /// None of the others.
        Unlisted = "other",
    }
}

/// What is stored instead of somebody's own words once the personal data of the order is erased.
pub const ERASED_WORDS: &str = "erased";

/// Units that went from one fulfilment order to another, or with theirs to another warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Its ID.
    pub id: MoveId,
    /// The order.
    pub order_id: OrderId,
    /// The fulfilment order that had the units.
    pub fulfilment_order_id: FulfilmentOrderId,
    /// The fulfilment order that has them now: the same one if all of it went.
    pub to_fulfilment_order_id: FulfilmentOrderId,
    /// The warehouse that had them.
    pub from_warehouse_id: WarehouseId,
    /// The warehouse that has them now.
    pub to_warehouse_id: WarehouseId,
    /// The units, by line.
    pub units: Units,
    /// Why routing chose the warehouse. `None` if the request named it, and after erasure.
    pub trace: Option<Value>,
    /// Why they went.
    pub cause: MoveCause,
    /// Why they went, in words: [`ERASED_WORDS`] after erasure.
    pub reason: String,
    /// Who moved them.
    pub actor: String,
    /// When.
    pub moved_at: DateTime<Utc>,
}

/// A move to make.
#[derive(Clone, Debug)]
pub struct NewMove<'a> {
    /// Its ID.
    pub id: MoveId,
    /// The warehouse that the units go to.
    pub to: WarehouseId,
    /// Why routing chose it.
    pub trace: Option<&'a Value>,
    /// Why they go.
    pub cause: MoveCause,
    /// Why they go, in words: 1 to 500 characters.
    pub reason: &'a str,
    /// Who moves them.
    pub actor: &'a str,
}

impl Units {
    /// Reads stored units.
    pub(crate) fn stored(value: Value) -> Result<Self, serde_json::Error> {
        let units: BTreeMap<i32, i32> = serde_json::from_value(value)?;
        Ok(Self::above_zero(units.into_iter()))
    }
}

impl FulfilmentOrder {
    /// The units that may go to another warehouse: the wanted ones, or everything that is left to send.
    ///
    /// # Errors
    /// `Closed`; `Packed` if some of them are in parcels; `UnknownLine`, `MoreThanOutstanding`; `NothingReady` for no
    /// units.
    pub fn movable(&self, wanted: Option<&Units>) -> Result<Units, Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed(self.status));
        }
        let Some(units) = wanted else {
            let units = Units::ready_of(&self.lines);
            return match (self.lines.iter().any(|line| line.packed > 0), units) {
                (true, _) => Err(Refusal::Packed),
                (false, units) if units.is_empty() => Err(Refusal::NothingReady),
                (false, units) => Ok(units),
            };
        };
        let packed = |number| {
            let mut lines = self.lines.iter();
            let line = lines.find(|line| line.number == number);
            line.map_or(0, |line| line.packed)
        };
        match units.check_ready(&self.lines) {
            Err(Refusal::MoreThanOutstanding {
                line,
                wanted,
                ready,
            }) if wanted <= ready + packed(line) => Err(Refusal::Packed),
            checked => checked.map(|()| units.clone()),
        }
    }

    /// Whether the fulfilment order itself goes to the other warehouse with these units: nothing else is left to send,
    /// nothing was sent, and nobody works on it. A station that has begun to pick it in the old warehouse would otherwise
    /// send it in the name of the new one.
    pub(crate) fn goes_whole(&self, units: &Units) -> bool {
        let is_moved = |line: &Line| {
            line.shipped == 0 && line.packed == 0 && line.outstanding() == units.of(line.number)
        };
        self.status == FulfilmentOrderStatus::Open && self.lines.iter().all(is_moved)
    }

    /// Goes to another warehouse.
    pub(crate) const fn relocate(&mut self, to: WarehouseId) {
        self.warehouse_id = to;
    }

    /// Gives units to another fulfilment order. Lines without units vanish.
    pub(crate) fn give_up(&mut self, units: &Units) {
        for line in &mut self.lines {
            line.quantity -= units.of(line.number);
        }
        self.lines.retain(|line| line.quantity > 0);
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fulfilment_order::tests::opened;

    fn units(pairs: &[(i32, i64)]) -> Units {
        Units::new(pairs).unwrap()
    }

    #[test]
    fn everything_that_is_left_to_send_may_go() {
        let mut order = opened(&[5, 3]);
        assert_eq!(order.movable(None), Ok(units(&[(1, 5), (2, 3)])));
        assert!(order.goes_whole(&units(&[(1, 5), (2, 3)])));
        assert!(!order.goes_whole(&units(&[(1, 5)])));
        order.lines[0].cancelled = 1;
        assert!(order.goes_whole(&units(&[(1, 4), (2, 3)])));
        order.lines[0].shipped = 1;
        assert_eq!(order.movable(None), Ok(units(&[(1, 3), (2, 3)])));
        assert!(!order.goes_whole(&units(&[(1, 3), (2, 3)])));
    }

    #[test]
    fn work_in_progress_stays_where_it_is() {
        let mut order = opened(&[5]);
        let all = units(&[(1, 5)]);
        assert!(order.goes_whole(&all));
        order.start().unwrap();
        assert!(!order.goes_whole(&all));
        assert_eq!(order.movable(None), Ok(all.clone()));
        order.give_up(&all);
        assert_eq!(order.status, FulfilmentOrderStatus::Cancelled);
    }

    #[test]
    fn packed_units_stay_until_they_are_unpacked() {
        let mut order = opened(&[5, 3]);
        order.lines[0].packed = 2;
        assert_eq!(order.movable(None), Err(Refusal::Packed));
        for (wanted, expected) in [
            (units(&[(1, 3), (2, 3)]), None),
            (units(&[(1, 4)]), Some(Refusal::Packed)),
            (
                units(&[(1, 6)]),
                Some(Refusal::MoreThanOutstanding {
                    line: 1,
                    wanted: 6,
                    ready: 3,
                }),
            ),
            (units(&[(3, 1)]), Some(Refusal::UnknownLine { line: 3 })),
        ] {
            assert_eq!(order.movable(Some(&wanted)).err(), expected, "{wanted:?}");
        }
    }

    #[test]
    fn units_that_are_about_to_be_cancelled_stay() {
        let mut order = opened(&[2]);
        order.freeze();
        assert_eq!(order.movable(None), Err(Refusal::NothingReady));
        order.cancel_frozen();
        assert!(matches!(order.movable(None), Err(Refusal::Closed(_))));
    }

    #[test]
    fn what_gave_everything_away_is_closed_or_cancelled() {
        let all = units(&[(1, 2)]);
        let mut unsent = opened(&[2]);
        unsent.give_up(&all);
        assert_eq!(unsent.status, FulfilmentOrderStatus::Cancelled);
        assert!(unsent.lines.is_empty());
        let mut sent = opened(&[3]);
        sent.lines[0].shipped = 1;
        sent.give_up(&all);
        assert_eq!(sent.status, FulfilmentOrderStatus::Closed);
        assert_eq!(sent.lines[0].quantity, 1);
    }

    proptest! {
        #[test]
        fn giving_units_up_takes_exactly_them_from_what_is_left(
            lines in prop::collection::vec((1..20_i32, 0..20_i32, 0..20_i32), 1..5),
            wanted in prop::collection::vec(0..20_i32, 5),
        ) {
            let quantities: Vec<i32> = lines.iter().map(|(quantity, ..)| *quantity).collect();
            let mut order = opened(&quantities);
            for (line, (quantity, shipped, cancelled)) in order.lines.iter_mut().zip(&lines) {
                line.shipped = shipped % (quantity + 1);
                line.cancelled = cancelled % (quantity - line.shipped + 1);
            }
            let pairs = (1..).zip(&wanted).map(|(line, units)| (line, *units));
            let wanted = Units::above_zero(pairs.take(lines.len()));
            let before = order.outstanding();
            prop_assume!(before > 0 && !wanted.is_empty());
            if let Ok(units) = order.movable(Some(&wanted)) {
                let given: i64 = units.iter().map(|(_, quantity)| i64::from(quantity)).sum();
                order.give_up(&units);
                prop_assert_eq!(order.outstanding(), before - given);
                prop_assert_eq!(order.is_open(), order.outstanding() > 0);
                prop_assert!(order.lines.iter().all(|line| line.shipped + line.cancelled <= line.quantity));
            }
        }
    }
}
