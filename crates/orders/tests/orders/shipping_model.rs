//! A model of shipping, against the use cases on a database: whatever stations, carriers and buyers do in any order,
//! each unit of an order is in exactly one place, and all parts together are the order.

use oms_fulfilment::{
    FulfilmentOrder, HoldHandle, HoldReason, NewHold, Shipment, ShipmentDraft, ShipmentStatus,
    Units,
};
use oms_orders::{
    Cancellation, OrderRequest, OrderStatus, PlacedOrder, Reason, RequestedLine, cancel_order,
    cancel_shipment, cancel_unshipped, create_shipment, deliver_shipment, get_order, place_hold,
    place_order, release_hold, ship_shipment,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::Confirm;
use oms_testing::world::product;
use oms_validation::{Once, OrderId};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::Runtime;

use crate::shipping::{ANY, draft, key};
use crate::shop::{Opening, Shop, catalogue, tenant, three_pieces};

/// Units of each line.
type PerLine = [i32; 2];

/// An order as the model has it.
#[derive(Clone, Debug)]
struct Model {
    ordered: PerLine,
    cancelled: PerLine,
    shipments: Vec<(ShipmentStatus, PerLine)>,
    is_held: bool,
    is_over: bool,
}

/// What somebody does. A place in the list of shipments may be that of none.
#[derive(Clone, Debug)]
enum Step {
    Create(PerLine, ShipmentStatus),
    Send(Index),
    Deliver(Index),
    Undo(Index),
    Hold,
    Release,
    Cancel,
    CancelRest,
}

impl Model {
    fn count(&self, line: usize, is_counted: fn(ShipmentStatus) -> bool) -> i32 {
        let counted = self
            .shipments
            .iter()
            .filter(|(status, _)| is_counted(*status));
        counted.map(|(_, units)| units[line]).sum()
    }

    fn shipped(&self, line: usize) -> i32 {
        self.count(line, |status| {
            matches!(status, ShipmentStatus::Shipped | ShipmentStatus::Delivered)
        })
    }

    fn packed(&self, line: usize) -> i32 {
        self.count(line, |status| status == ShipmentStatus::Packed)
    }

    fn outstanding(&self, line: usize) -> i32 {
        self.ordered[line] - self.shipped(line) - self.cancelled[line]
    }

    fn is_open(&self) -> bool {
        !self.is_over && (0..2).any(|line| self.outstanding(line) > 0)
    }

    fn is_nothing_shipped(&self) -> bool {
        (0..2).all(|line| self.shipped(line) == 0)
    }

    fn create(&mut self, units: PerLine, status: ShipmentStatus) {
        let fits = |line: usize| units[line] <= self.outstanding(line) - self.packed(line);
        if self.is_open() && !self.is_held && units != [0, 0] && fits(0) && fits(1) {
            self.shipments.push((status, units));
        }
    }

    fn change(&mut self, place: &Index, from: &[ShipmentStatus], to: ShipmentStatus) {
        if self.shipments.is_empty() {
            return;
        }
        let place = place.index(self.shipments.len());
        if from.contains(&self.shipments[place].0) {
            self.shipments[place].0 = to;
        }
    }

    fn cancel_unsent(&mut self) {
        for (status, _) in &mut self.shipments {
            if *status == ShipmentStatus::Packed {
                *status = ShipmentStatus::Cancelled;
            }
        }
        for line in 0..2 {
            self.cancelled[line] += self.outstanding(line);
        }
    }

    fn cancel(&mut self) {
        if self.is_nothing_shipped() && !self.is_over {
            self.cancel_unsent();
            self.is_over = true;
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let model = |ordered| Self {
            ordered,
            cancelled: [0, 0],
            shipments: Vec::new(),
            is_held: false,
            is_over: false,
        };
        [1..6_i32, 1..6_i32].prop_map(model).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let status = prop_oneof![Just(ShipmentStatus::Packed), Just(ShipmentStatus::Shipped)];
        let place = any::<Index>;
        prop_oneof![
            6 => ([0..4_i32, 0..4_i32], status).prop_map(|(units, status)| Step::Create(units, status)),
            3 => place().prop_map(Step::Send),
            2 => place().prop_map(Step::Deliver),
            2 => place().prop_map(Step::Undo),
            1 => Just(Step::Hold),
            2 => Just(Step::Release),
            1 => Just(Step::CancelRest),
            1 => Just(Step::Cancel),
        ]
        .boxed()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        use ShipmentStatus::{Cancelled, Delivered, Packed, Shipped};
        match step {
            Step::Create(units, status) => model.create(*units, *status),
            Step::Send(_) if model.is_held => {}
            Step::Send(place) => model.change(place, &[Packed], Shipped),
            Step::Deliver(place) => model.change(place, &[Shipped], Delivered),
            Step::Undo(place) => model.change(place, &[Packed, Shipped], Cancelled),
            Step::Hold => model.is_held |= model.is_open(),
            Step::Release => model.is_held = false,
            Step::Cancel => model.cancel(),
            Step::CancelRest if model.is_nothing_shipped() => model.cancel(),
            Step::CancelRest => model.cancel_unsent(),
        }
        model
    }
}

/// The use cases, on a shop of the case's own.
struct Real {
    runtime: Runtime,
    shop: Shop,
    order_id: OrderId,
    work: FulfilmentOrder,
}

async fn opened(ordered: PerLine) -> (Shop, OrderId, FulfilmentOrder) {
    let database = TestDatabase::create();
    let pool = database.pool(4);
    let opening = Opening {
        confirm: Confirm::Pays,
        ..Opening::default()
    };
    let shop = Shop::open_on(database, pool, &catalogue(&[[20_u32, 20]]), opening).await;
    let lines = ordered.into_iter().enumerate();
    let request = OrderRequest {
        lines: lines
            .map(|(number, quantity)| RequestedLine {
                product_id: product(number).into(),
                quantity,
            })
            .collect(),
        ..three_pieces()
    };
    let placed = place_order(&shop.context, tenant(), &key("k"), &request, "api").await;
    let Ok(PlacedOrder::Paid(order)) = placed else {
        panic!("not paid: {placed:?}");
    };
    let work = shop.work(order.id).await;
    (shop, order.id, work)
}

impl Real {
    async fn take(&self, step: Step) {
        let (context, work) = (&self.shop.context, &self.work);
        let handle: HoldHandle = "h".to_owned().try_into().unwrap();
        // Refusals change nothing, which the comparison with the model shows.
        match step {
            Step::Create(units, status) => {
                let pairs = (1..).zip(units).filter(|(_, quantity)| *quantity > 0);
                let pairs: Vec<(i32, i64)> = pairs.map(|(line, it)| (line, it.into())).collect();
                let Ok(units) = Units::new(&pairs) else {
                    return;
                };
                let draft = ShipmentDraft {
                    units: Some(units),
                    ..draft(work, None, status)
                };
                let key = key(&draft.id.to_string());
                _ = create_shipment(context, tenant(), &key, draft, "api").await;
            }
            Step::Send(place) => {
                if let Some(it) = self.shipment(&place).await {
                    _ = ship_shipment(context, tenant(), it.id, ANY, vec![], None, "api").await;
                }
            }
            Step::Deliver(place) => {
                if let Some(it) = self.shipment(&place).await {
                    _ = deliver_shipment(context, tenant(), it.id, ANY, None, None, "api").await;
                }
            }
            Step::Undo(place) => {
                if let Some(it) = self.shipment(&place).await {
                    let why = Reason::parse("it never left").unwrap();
                    _ = cancel_shipment(context, tenant(), it.id, &ANY, &why, None, "api").await;
                }
            }
            Step::Hold => {
                let hold = NewHold {
                    handle,
                    reason: HoldReason::Operator,
                    note: None,
                };
                _ = place_hold(context, tenant(), work.id, &hold, None, "api").await;
            }
            Step::Release => {
                let released = release_hold(context, tenant(), work.id, Some(&handle), "api");
                released.await.unwrap();
            }
            Step::Cancel | Step::CancelRest => {
                let id = self.order_id;
                let cancelled = match step {
                    Step::Cancel => cancel_order(context, tenant(), id, None, None, "api").await,
                    _ => cancel_unshipped(context, tenant(), id, None, None, "api").await,
                };
                if let Ok(cancelled) = cancelled.map(Once::into_inner) {
                    assert!(matches!(cancelled, Cancellation::Done(_)), "{cancelled:?}");
                }
            }
        }
    }

    async fn shipment(&self, place: &Index) -> Option<Shipment> {
        let details = get_order(&self.shop.context, tenant(), self.order_id).await;
        let mut shipments = details.unwrap().fulfilment.shipments;
        match shipments.is_empty() {
            true => None,
            false => Some(shipments.remove(place.index(shipments.len()))),
        }
    }

    async fn check(&self, model: &Model) {
        let details = get_order(&self.shop.context, tenant(), self.order_id).await;
        let details = details.unwrap();
        let order = &details.fulfilment.fulfilment_orders[0];
        for (line, it) in order.lines.iter().enumerate() {
            let real = (it.quantity, it.shipped, it.packed, it.cancelled, it.frozen);
            let expected = (
                model.ordered[line],
                model.shipped(line),
                model.packed(line),
                model.cancelled[line],
                0,
            );
            assert_eq!(real, expected, "line {}: {model:?}", it.number);
            assert_eq!(it.outstanding(), model.outstanding(line));
        }
        let statuses = details.fulfilment.shipments.iter().map(|it| it.status);
        assert!(statuses.eq(model.shipments.iter().map(|(status, _)| *status)));
        assert_eq!(order.is_open(), model.is_open(), "{model:?}");
        let is_over = details.order.status == OrderStatus::Cancelled;
        assert_eq!(is_over, model.is_over, "{model:?}");
        let held = "SELECT coalesce(sum(quantity), 0) FROM inventory.reservations";
        let left: i32 = (0..2).map(|line| model.outstanding(line)).sum();
        assert_eq!(self.shop.text(held).await, left.to_string());
        let gone: i32 = (0..2).map(|line| model.shipped(line)).sum();
        let on_hand = "SELECT sum(on_hand) FROM inventory.stock_levels";
        assert_eq!(self.shop.text(on_hand).await, (40 - gone).to_string());
    }
}

struct Shipping;

impl StateMachineTest for Shipping {
    type SystemUnderTest = Real;
    type Reference = Model;

    fn init_test(model: &Model) -> Real {
        let runtime = Runtime::new().unwrap();
        let (shop, order_id, work) = runtime.block_on(opened(model.ordered));
        Real {
            runtime,
            shop,
            order_id,
            work,
        }
    }

    fn apply(real: Real, model: &Model, step: Step) -> Real {
        real.runtime.block_on(async {
            real.take(step).await;
            real.check(model).await;
        });
        real
    }

    fn teardown(real: Real, _: Model) {
        real.runtime.block_on(real.shop.assert_sound());
        let _entered = real.runtime.enter();
        drop(real.shop);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_history_of_an_order_is_that_of_the_model(sequential 1..16 => Shipping);
}
