//! Random sequences of everything that changes stock, against a model that says what is legal and what it leads to.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_database::Connection;
use oms_inventory::{
    Direction, Dispositions, HolderId, InventoryContext, Lines, SourceStock, StockChange,
    StockChangeId, change_stock,
};
use oms_validation::{IdempotencyKey, Reason};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fixture::*;
use crate::holders::*;
use crate::moving::move_units;
use crate::returning::take_back;

const WAREHOUSES: usize = 3;
const PRODUCTS: usize = 2;
const STEPS: usize = 120;

/// A warehouse and a product, by number.
type Place = (usize, usize);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Units {
    on_hand: i32,
    reserved: i32,
    quarantined: i32,
}

impl Units {
    fn free(self) -> i32 {
        self.on_hand - self.reserved - self.quarantined
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    levels: BTreeMap<Place, Units>,
    held: BTreeMap<Place, i32>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Receive(Place, i32),
    Adjust(Place, i32),
    Transfer(Place, usize, i32),
    Quarantine(Place, i32),
    ReleaseQuarantine(Place, i32),
    WriteOff(Place, i32),
    Place(Place, i32),
    Ship(Place, i32),
    Unship,
    Release(Place, i32),
    Move(Place, usize, i32, SourceStock),
    Return(Place, i32, i32),
}

impl Step {
    fn random(random: &mut StdRng) -> Self {
        let at = (
            random.random_range(0..WAREHOUSES),
            random.random_range(0..PRODUCTS),
        );
        let to = random.random_range(0..WAREHOUSES);
        let units = random.random_range(1..6);
        let source = match random.random_range(0..5) {
            0 => SourceStock::Keep,
            3 => SourceStock::WriteOffAll,
            1 => SourceStock::WriteOff,
            2 => SourceStock::Quarantine,
            _ => SourceStock::Count(random.random_range(0..12)),
        };
        match random.random_range(0..12) {
            0 => Self::Receive(at, units),
            1 => Self::Adjust(at, random.random_range(-6..0)),
            2 => Self::Transfer(at, to, units),
            3 => Self::Quarantine(at, units),
            4 => Self::ReleaseQuarantine(at, units),
            5 => Self::WriteOff(at, units),
            6 => Self::Place(at, units),
            7 => Self::Ship(at, units),
            8 => Self::Unship,
            9 => Self::Release(at, units),
            10 => Self::Move(at, to, units, source),
            _ => Self::Return(at, units, random.random_range(0..3)),
        }
    }
}

impl Model {
    /// Adds units to a level.
    fn add(&mut self, at: Place, on_hand: i32, reserved: i32, quarantined: i32) {
        let units = self.levels.entry(at).or_default();
        units.on_hand += on_hand;
        units.reserved += reserved;
        units.quarantined += quarantined;
    }

    fn hold(&mut self, at: Place, units: i32) {
        *self.held.entry(at).or_default() += units;
    }

    /// Whether a step makes sense: an order is placed where its holder has nothing, and a transfer needs two warehouses.
    fn allows(&self, step: Step) -> bool {
        match step {
            Step::Place(at, _) => self.held.get(&at).is_none_or(|held| *held == 0),
            Step::Transfer(at, to, _) => at.0 != to,
            _ => true,
        }
    }

    /// Whether every level is possible and the holder has no reservation below 0.
    fn is_legal(&self) -> bool {
        let is_possible =
            |units: &Units| units.free() >= 0 && units.reserved >= 0 && units.quarantined >= 0;
        self.levels.values().all(is_possible) && self.held.values().all(|held| *held >= 0)
    }

    /// Returns the model after a step, if the step is legal.
    fn after(&self, step: Step, shipped: &[(Place, i32)]) -> Option<Self> {
        let mut next = self.clone();
        match step {
            Step::Receive(at, units) | Step::Adjust(at, units) => next.add(at, units, 0, 0),
            Step::Transfer(at, to, units) => {
                next.add(at, -units, 0, 0);
                next.is_legal().then_some(())?;
                next.add((to, at.1), units, 0, 0);
            }
            Step::Quarantine(at, units) => next.add(at, 0, 0, units),
            Step::ReleaseQuarantine(at, units) => next.add(at, 0, 0, -units),
            Step::WriteOff(at, units) => next.add(at, -units, 0, -units),
            Step::Place(at, units) => {
                next.add(at, 0, units, 0);
                next.hold(at, units);
            }
            Step::Ship(at, units) => {
                next.add(at, -units, -units, 0);
                next.hold(at, -units);
            }
            Step::Unship => {
                let (at, units) = *shipped.last()?;
                next.add(at, units, units, 0);
                next.hold(at, units);
            }
            Step::Release(at, units) => {
                next.add(at, 0, -units, 0);
                next.hold(at, -units);
            }
            Step::Move(at, to, units, source) => {
                let destination = (to, at.1);
                let free = self.levels.get(&destination).copied().unwrap_or_default();
                (to != at.0 && free.free() >= units).then_some(())?;
                next.add(at, 0, -units, 0);
                next.hold(at, -units);
                next.add(destination, 0, units, 0);
                next.hold(destination, units);
                match source {
                    SourceStock::Keep => {}
                    SourceStock::WriteOff => next.add(at, -units, 0, 0),
                    SourceStock::WriteOffAll => {
                        let free = next.levels[&at].free();
                        next.add(at, -free, 0, 0);
                    }
                    SourceStock::Quarantine => next.add(at, 0, 0, units),
                    SourceStock::Count(counted) => {
                        let difference = counted - next.levels[&at].on_hand;
                        next.add(at, difference, 0, 0);
                    }
                }
            }
            Step::Return(at, restock, quarantine) => {
                next.add(at, restock + quarantine, 0, quarantine);
            }
        }
        next.is_legal().then_some(next)
    }
}

struct World {
    context: Arc<InventoryContext>,
    connection: Connection,
    holder: HolderId,
    shipments: Vec<StockChangeId>,
}

impl World {
    async fn change(&self, change: StockChange) -> bool {
        let key = IdempotencyKey::parse(&StockChangeId::generate().to_string()).unwrap();
        let reason = Reason::parse("counted").unwrap();
        change_stock(&self.context, tenant(), &key, &change, &reason, &clerk())
            .await
            .is_ok()
    }

    /// Takes a step, and returns whether it was possible.
    async fn take(&mut self, step: Step) -> bool {
        let lines = |product_number: usize, units: i32| {
            let line = [(product(product_number), i64::from(units))];
            Lines::new(&line, Direction::UpOrDown).unwrap()
        };
        let (connection, holder) = (&mut self.connection, self.holder);
        match step {
            Step::Receive((w, p), units) => {
                let (warehouse_id, lines) = (warehouse(w), lines(p, units));
                self.change(StockChange::Receive {
                    warehouse_id,
                    lines,
                })
                .await
            }
            Step::Adjust((w, p), units) => {
                let (warehouse_id, lines) = (warehouse(w), lines(p, units));
                self.change(StockChange::Adjust {
                    warehouse_id,
                    lines,
                })
                .await
            }
            Step::Transfer((w, p), to, units) => {
                let (from, to, lines) = (warehouse(w), warehouse(to), lines(p, units));
                self.change(StockChange::Transfer { from, to, lines }).await
            }
            Step::Quarantine((w, p), units) => {
                let (warehouse_id, lines) = (warehouse(w), lines(p, units));
                self.change(StockChange::Quarantine {
                    warehouse_id,
                    lines,
                })
                .await
            }
            Step::ReleaseQuarantine((w, p), units) => {
                let (warehouse_id, lines) = (warehouse(w), lines(p, units));
                self.change(StockChange::ReleaseQuarantine {
                    warehouse_id,
                    lines,
                })
                .await
            }
            Step::WriteOff((w, p), units) => {
                let (warehouse_id, lines) = (warehouse(w), lines(p, units));
                self.change(StockChange::WriteOffQuarantine {
                    warehouse_id,
                    lines,
                })
                .await
            }
            Step::Place((w, p), units) => {
                place(connection, holder, warehouse(w), &[(p, units)]).await
            }
            Step::Ship((w, p), units) => {
                let change_id = StockChangeId::generate();
                let lines = [(p, units)];
                let shipped = ship_units(connection, holder, warehouse(w), &lines, change_id).await;
                if shipped.is_ok() {
                    self.shipments.push(change_id);
                }
                shipped.is_ok()
            }
            Step::Unship => match self.shipments.pop() {
                Some(change_id) => bring_back(connection, holder, change_id).await.is_ok(),
                None => false,
            },
            Step::Release((w, p), units) => {
                let lines = [(p, units)];
                release_units(connection, holder, warehouse(w), &lines)
                    .await
                    .is_ok()
            }
            Step::Move((w, p), to, units, source) => {
                let route = [warehouse(w), warehouse(to)];
                let (lines, source) = ([(p, units)], [(p, source)]);
                let moved = move_units(connection, holder, route, &lines, &source);
                moved.await.is_ok()
            }
            Step::Return((w, p), restock, quarantine) => {
                let units = Dispositions {
                    restock,
                    quarantine,
                    ..Dispositions::default()
                };
                let change_id = StockChangeId::generate();
                let lines = [(p, units)];
                take_back(connection, warehouse(w), &lines, change_id)
                    .await
                    .is_ok()
            }
        }
    }
}

/// The levels that have or had units.
async fn stored(connection: &mut Connection) -> BTreeMap<Place, Units> {
    let mut levels = BTreeMap::new();
    for w in 0..WAREHOUSES {
        for p in 0..PRODUCTS {
            let of = async |connection: &mut Connection, column: &str| {
                let sql = format!(
                    "SELECT coalesce(sum({column}), 0) FROM inventory.stock_levels
                     WHERE warehouse_id = '{}' AND product_id = '{}'",
                    warehouse(w),
                    product(p)
                );
                i32::try_from(number(connection, &sql).await).unwrap()
            };
            let units = Units {
                on_hand: of(connection, "on_hand").await,
                reserved: of(connection, "reserved").await,
                quarantined: of(connection, "quarantined").await,
            };
            levels.insert((w, p), units);
        }
    }
    levels
}

/// A step is possible exactly if it is legal, leads to what the model says, and keeps each level the sum of its
/// movements and reservations.
#[tokio::test]
async fn any_sequence_of_stock_operations_keeps_levels_equal_to_their_movements_and_reservations() {
    for seed in 0..5 {
        let mut random = StdRng::seed_from_u64(seed);
        let (database, connection) = store_with(&[&[9, 9], &[9], &[]]).await;
        let mut world = World {
            context: context(&database, 1),
            connection,
            holder: HolderId::generate(),
            shipments: Vec::new(),
        };
        let mut model = Model {
            levels: stored(&mut world.connection).await,
            held: BTreeMap::new(),
        };
        let (mut shipped, mut possible): (Vec<(Place, i32)>, usize) = (Vec::new(), 0);
        for number in 0..STEPS {
            let step = Step::random(&mut random);
            if !model.allows(step) {
                continue;
            }
            let after = model.after(step, &shipped);
            let taken = world.take(step).await;
            assert_eq!(
                taken,
                after.is_some(),
                "seed {seed}, {number}: {step:?}, {model:?}"
            );
            assert_levels(&mut world.connection).await;
            let Some(after) = after else { continue };
            match step {
                Step::Ship(at, units) => shipped.push((at, units)),
                Step::Unship => drop(shipped.pop()),
                _ => {}
            }
            model = after;
            possible += 1;
            let stored = stored(&mut world.connection).await;
            assert_eq!(stored, model.levels, "seed {seed}, {number}: {step:?}");
        }
        assert!(possible > STEPS / 5, "only {possible} steps were possible");
    }
}
