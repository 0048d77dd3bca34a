//! The allocation of locked stock to orders.

use std::collections::{BTreeMap, BTreeSet};

use oms_validation::{ProductId, WarehouseId};

use crate::domain::demand::Demand;
use crate::domain::id::HolderId;

/// The units that one holder, such as an order, requests from one warehouse.
#[derive(Clone, Copy, Debug)]
pub struct ReservationRequest<'a> {
    /// The holder that will have the units.
    pub holder: HolderId,
    /// The warehouse that routing chose.
    pub warehouse_id: WarehouseId,
    /// The requested products and quantities.
    pub demand: &'a Demand,
}

/// The outcome of one reservation request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// The whole demand is held.
    Reserved,
    /// The warehouse can no longer fill the demand, and nothing is held. The order must be routed again.
    Stale,
}

/// A stock level: one product in one warehouse.
pub(crate) type LevelKey = (WarehouseId, ProductId);

/// The units of each locked level that can still be allocated.
#[derive(Clone, Debug)]
pub struct LockedStock(pub(crate) BTreeMap<LevelKey, i32>);

/// The distinct stock levels of the requests, in the order in which they must be locked.
pub(crate) fn level_keys(requests: &[ReservationRequest<'_>]) -> BTreeSet<LevelKey> {
    let keys = requests.iter().flat_map(|request| {
        request
            .demand
            .iter()
            .map(|(product, _)| (request.warehouse_id, product))
    });
    keys.collect()
}

/// Allocates the available units to the requests in sequence, each all or nothing.
///
/// A level that was not locked has no available units.
pub fn allocate(
    LockedStock(mut available): LockedStock,
    requests: &[ReservationRequest<'_>],
) -> Vec<ReserveOutcome> {
    let outcomes = requests.iter().map(|request| {
        let needs = || {
            request
                .demand
                .iter()
                .map(|(product, quantity)| ((request.warehouse_id, product), quantity))
        };
        let fits = needs()
            .all(|(key, quantity)| available.get(&key).is_some_and(|left| *left >= quantity));
        if !fits {
            return ReserveOutcome::Stale;
        }
        for (key, quantity) in needs() {
            if let Some(left) = available.get_mut(&key) {
                *left -= quantity;
            }
        }
        ReserveOutcome::Reserved
    });
    outcomes.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn key(warehouse: u8, product: u8) -> LevelKey {
        let id = |number: u8| Uuid::from_u128(u128::from(number) + 1);
        (id(warehouse).into(), id(product).into())
    }

    fn locked<const N: usize>(levels: [(LevelKey, i32); N]) -> LockedStock {
        LockedStock(BTreeMap::from(levels))
    }

    type Wish = (u8, Vec<(u8, i32)>);

    fn demands(wishes: &[Wish]) -> Vec<(WarehouseId, Demand)> {
        let demand =
            |lines: &[(u8, i32)]| Demand::from_lines(lines.iter().map(|(p, q)| (key(0, *p).1, *q)));
        wishes
            .iter()
            .map(|(warehouse, lines)| (key(*warehouse, 0).0, demand(lines).unwrap()))
            .collect()
    }

    fn requests(demands: &[(WarehouseId, Demand)]) -> Vec<ReservationRequest<'_>> {
        let request = |(warehouse_id, demand)| ReservationRequest {
            holder: HolderId::generate(),
            warehouse_id,
            demand,
        };
        demands
            .iter()
            .map(|(warehouse, demand)| request((*warehouse, demand)))
            .collect()
    }

    #[test]
    fn the_first_order_gets_the_last_units_and_a_smaller_order_may_still_fit() {
        let demands = demands(&[(0, vec![(0, 2)]), (0, vec![(0, 2)]), (0, vec![(0, 1)])]);
        let outcomes = allocate(locked([(key(0, 0), 3)]), &requests(&demands));
        assert_eq!(
            outcomes,
            [
                ReserveOutcome::Reserved,
                ReserveOutcome::Stale,
                ReserveOutcome::Reserved
            ]
        );
    }

    #[test]
    fn an_order_with_one_unavailable_line_takes_nothing() {
        let demands = demands(&[(0, vec![(0, 1), (1, 1)]), (0, vec![(0, 1)])]);
        let outcomes = allocate(locked([(key(0, 0), 1)]), &requests(&demands));
        assert_eq!(outcomes, [ReserveOutcome::Stale, ReserveOutcome::Reserved]);
    }

    fn wishes() -> impl Strategy<Value = Vec<Wish>> {
        prop::collection::vec(
            (0..3_u8, prop::collection::vec((0..4_u8, 1..5_i32), 1..4)),
            0..20,
        )
    }

    proptest! {
        #[test]
        fn allocating_together_equals_allocating_one_by_one_and_never_oversells(
            stock in prop::collection::btree_map((0..3_u8, 0..4_u8), 0..12_i32, 0..12),
            wishes in wishes(),
        ) {
            let stock: BTreeMap<LevelKey, i32> = stock.into_iter().map(|((w, p), n)| (key(w, p), n)).collect();
            let demands = demands(&wishes);
            let requests = requests(&demands);
            let together = allocate(LockedStock(stock.clone()), &requests);

            let mut left = stock;
            for (request, outcome) in requests.iter().zip(&together) {
                let alone = allocate(LockedStock(left.clone()), std::slice::from_ref(request));
                prop_assert_eq!(alone[0], *outcome);
                if *outcome == ReserveOutcome::Reserved {
                    for (product, quantity) in request.demand.iter() {
                        let level = left.get_mut(&(request.warehouse_id, product)).unwrap();
                        *level -= quantity;
                        prop_assert!(*level >= 0);
                    }
                }
            }
        }
    }
}
