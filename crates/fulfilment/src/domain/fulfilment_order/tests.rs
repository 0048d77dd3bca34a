//! What may become of a fulfilment order.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::hold::HoldReason;

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_417_600, 0).unwrap()
}

/// An open fulfilment order with these units in its lines, numbered from 1.
pub(crate) fn opened(quantities: &[i32]) -> FulfilmentOrder {
    let line = |(number, quantity): (i32, &i32)| Line {
        number,
        product_id: Uuid::from_u128(number.unsigned_abs().into()).into(),
        quantity: *quantity,
        shipped: 0,
        packed: 0,
        frozen: 0,
        cancelled: 0,
    };
    FulfilmentOrder {
        id: Uuid::from_u128(1).into(),
        order_id: Uuid::from_u128(2).into(),
        number: 1,
        warehouse_id: Uuid::from_u128(3).into(),
        status: FulfilmentOrderStatus::Open,
        version: 1,
        ship_by: None,
        not_before: None,
        is_scheduled: false,
        created_at: noon(),
        updated_at: noon(),
        closed_at: None,
        lines: (1..).zip(quantities).map(line).collect(),
        holds: Vec::new(),
    }
}

fn units(pairs: &[(i32, i64)]) -> Units {
    Units::new(pairs).unwrap()
}

fn hold(handle: &str) -> Hold {
    Hold {
        handle: HoldHandle::parse(handle).unwrap(),
        reason: HoldReason::Address,
        note: None,
        actor: "operator:ann".to_owned(),
        held_at: noon(),
    }
}

/// Packs and ships units.
fn ship(order: &mut FulfilmentOrder, units: &Units) -> Result<(), Refusal> {
    order.pack(units)?;
    order.ship_packed(units)
}

#[test]
fn it_is_closed_once_everything_was_sent() {
    let mut order = opened(&[2, 1]);
    ship(&mut order, &units(&[(1, 1)])).unwrap();
    assert_eq!(
        (order.status, order.outstanding()),
        (FulfilmentOrderStatus::InProgress, 2)
    );
    ship(&mut order, &units(&[(1, 1), (2, 1)])).unwrap();
    assert_eq!(
        (order.status, order.outstanding()),
        (FulfilmentOrderStatus::Closed, 0)
    );
    let refused = Refusal::Closed(FulfilmentOrderStatus::Closed);
    assert_eq!(ship(&mut order, &units(&[(1, 1)])), Err(refused.clone()));
    assert_eq!(order.stop(), Err(refused.clone()));
    assert_eq!(order.check_hold(&hold("a").handle), Err(refused));
}

#[test]
fn nothing_is_sent_while_it_is_on_hold_or_before_its_time() {
    let mut order = opened(&[1]);
    order.pack(&units(&[(1, 1)])).unwrap();
    order.holds = vec![hold("address"), hold("fraud")];
    let handles = order.holds.iter().map(|hold| hold.handle.clone()).collect();
    let refused = Refusal::OnHold(handles);
    assert_eq!(order.shown_status(), ShownStatus::OnHold);
    assert_eq!(order.ship_packed(&units(&[(1, 1)])), Err(refused.clone()));
    assert_eq!(order.start(), Err(refused));
    order.holds.clear();
    order.is_scheduled = true;
    assert_eq!(order.shown_status(), ShownStatus::Scheduled);
    assert_eq!(
        order.ship_packed(&units(&[(1, 1)])),
        Err(Refusal::Scheduled)
    );
    order.is_scheduled = false;
    assert_eq!(order.ship_packed(&units(&[(1, 1)])), Ok(()));
}

#[test]
fn it_returns_to_the_work_list_only_while_nothing_is_packed_or_sent() {
    let mut order = opened(&[2]);
    assert_eq!((order.start(), order.start()), (Ok(true), Ok(false)));
    assert_eq!((order.stop(), order.stop()), (Ok(true), Ok(false)));
    order.pack(&units(&[(1, 1)])).unwrap();
    assert_eq!(order.stop(), Err(Refusal::HasShipments));
    order.unpack(&units(&[(1, 1)]));
    assert_eq!(order.stop(), Ok(true));
    ship(&mut order, &units(&[(1, 1)])).unwrap();
    assert_eq!(order.stop(), Err(Refusal::HasShipments));
}

#[test]
fn a_shipment_that_never_left_opens_it_again() {
    let mut order = opened(&[2]);
    ship(&mut order, &units(&[(1, 2)])).unwrap();
    order.unship(&units(&[(1, 2)]));
    assert_eq!(
        (order.status, order.outstanding()),
        (FulfilmentOrderStatus::InProgress, 2)
    );
    assert_eq!(Units::ready_of(&order.lines), units(&[(1, 2)]));
}

#[test]
fn frozen_units_are_not_sent_and_are_cancelled_or_thawed() {
    let mut order = opened(&[3]);
    ship(&mut order, &units(&[(1, 1)])).unwrap();
    order.pack(&units(&[(1, 1)])).unwrap();
    order.freeze();
    assert_eq!(order.frozen(), units(&[(1, 2)]));
    assert_eq!(order.pack(&Units::default()), Err(Refusal::NothingReady));
    let mut thawed = order.clone();
    thawed.thaw();
    assert_eq!(Units::ready_of(&thawed.lines), units(&[(1, 2)]));
    assert_eq!(order.cancel_frozen(), units(&[(1, 2)]));
    assert_eq!(
        (order.status, order.outstanding()),
        (FulfilmentOrderStatus::Closed, 0)
    );
    let mut unsent = opened(&[1]);
    unsent.freeze();
    unsent.cancel_frozen();
    assert_eq!(unsent.status, FulfilmentOrderStatus::Cancelled);
}

#[test]
fn it_has_at_most_ten_holds() {
    let mut order = opened(&[1]);
    order.holds = (0..10).map(|number| hold(&format!("h{number}"))).collect();
    assert_eq!(
        order.check_hold(&hold("another").handle),
        Err(Refusal::TooManyHolds)
    );
    assert_eq!(order.check_hold(&hold("h3").handle), Ok(()));
    let actions = [Action::Move, Action::Reject, Action::ReleaseHold];
    assert_eq!(order.actions(), actions);
}

#[test]
fn it_is_due_when_it_is_to_be_sent_or_since_it_was_opened() {
    let mut order = opened(&[1]);
    assert_eq!(order.due_at(), noon());
    order.ship_by = Some(noon() + TimeDelta::hours(3));
    assert_eq!(order.due_at(), noon() + TimeDelta::hours(3));
}

/// A step of a history, with a number that selects its units.
#[derive(Clone, Debug)]
enum Step {
    Start,
    Stop,
    Pack(Vec<i32>),
    ShipPacked,
    Unpack,
    Unship,
    Freeze,
    Thaw,
    CancelFrozen,
    Hold,
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Start),
        Just(Step::Stop),
        prop::collection::vec(0..4_i32, 3).prop_map(Step::Pack),
        Just(Step::ShipPacked),
        Just(Step::Unpack),
        Just(Step::Unship),
        Just(Step::Freeze),
        Just(Step::Thaw),
        Just(Step::CancelFrozen),
        Just(Step::Hold),
        Just(Step::Release),
    ]
}

/// A fulfilment order and its packed and shipped shipments.
struct History {
    order: FulfilmentOrder,
    packed: Vec<Units>,
    shipped: Vec<Units>,
}

impl History {
    fn take(&mut self, step: Step) {
        let order = &mut self.order;
        match step {
            Step::Start => _ = order.start(),
            Step::Stop => _ = order.stop(),
            Step::Pack(quantities) => {
                let units = Units::above_zero((1..).zip(quantities));
                if order.pack(&units).is_ok() {
                    self.packed.push(units);
                }
            }
            Step::ShipPacked => {
                if let Some(units) = self.packed.pop() {
                    match order.ship_packed(&units) {
                        Ok(()) => self.shipped.push(units),
                        Err(_) => self.packed.push(units),
                    }
                }
            }
            Step::Unpack => {
                if let Some(units) = self.packed.pop() {
                    order.unpack(&units);
                }
            }
            Step::Unship => {
                if let Some(units) = self.shipped.pop() {
                    order.unship(&units);
                }
            }
            Step::Freeze if order.is_open() => {
                order.freeze();
                self.packed.clear();
            }
            Step::Freeze => {}
            Step::Thaw => order.thaw(),
            Step::CancelFrozen => _ = order.cancel_frozen(),
            Step::Hold => order.holds = vec![hold("h")],
            Step::Release => order.holds.clear(),
        }
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_counts_and_the_status_true(
        quantities in prop::collection::vec(1..5_i32, 1..4),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut history = History { order: opened(&quantities), packed: Vec::new(), shipped: Vec::new() };
        for step in steps {
            history.take(step);
            let order = &history.order;
            for line in &order.lines {
                let sum = |units: &[Units]| units.iter().map(|units| units.of(line.number)).sum::<i32>();
                prop_assert_eq!(line.shipped, sum(&history.shipped));
                prop_assert_eq!(line.packed, sum(&history.packed));
                prop_assert!(line.frozen >= 0 && line.cancelled >= 0 && line.ready() >= 0, "{:?}", line);
                prop_assert!(line.shipped + line.frozen + line.cancelled <= line.quantity, "{:?}", line);
            }
            let expected = match (order.outstanding(), order.shipped()) {
                (0, 0) => vec![FulfilmentOrderStatus::Cancelled],
                (0, _) => vec![FulfilmentOrderStatus::Closed],
                (_, 0) => vec![FulfilmentOrderStatus::Open, FulfilmentOrderStatus::InProgress],
                (_, _) => vec![FulfilmentOrderStatus::InProgress],
            };
            prop_assert!(expected.contains(&order.status), "{:?}", order);
        }
    }

    #[test]
    fn an_action_is_listed_exactly_when_it_would_change_something(
        quantities in prop::collection::vec(1..5_i32, 1..4),
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let mut history = History { order: opened(&quantities), packed: Vec::new(), shipped: Vec::new() };
        steps.into_iter().for_each(|step| history.take(step));
        let order = history.order;
        let actions = order.actions();
        let ready = Units::ready_of(&order.lines);
        prop_assert_eq!(actions.contains(&Action::Start), order.clone().start() == Ok(true));
        prop_assert_eq!(actions.contains(&Action::Stop), order.clone().stop() == Ok(true));
        prop_assert_eq!(actions.contains(&Action::CreateShipment), order.clone().pack(&ready).is_ok());
        prop_assert_eq!(actions.contains(&Action::Move), order.movable(None).is_ok());
        let may_hold = order.check_hold(&hold("another").handle).is_ok();
        prop_assert_eq!(actions.contains(&Action::PlaceHold), may_hold);
        prop_assert_eq!(actions.contains(&Action::ReleaseHold), !order.holds.is_empty());
    }

    #[test]
    fn any_partition_into_shipments_sends_each_unit_once(
        quantities in prop::collection::vec(1..20_i32, 1..5),
        cuts in prop::collection::vec(1..6_i32, 1..60),
    ) {
        let mut order = opened(&quantities);
        let mut sent = 0;
        for cut in cuts.into_iter().chain(std::iter::repeat(20)) {
            if !order.is_open() {
                break;
            }
            let part = order.lines.iter().map(|line| (line.number, line.ready().min(cut)));
            let part = Units::above_zero(part);
            ship(&mut order, &part).unwrap();
            sent += part.iter().map(|(_, quantity)| quantity).sum::<i32>();
        }
        prop_assert_eq!(sent, quantities.iter().sum::<i32>());
        prop_assert_eq!(order.status, FulfilmentOrderStatus::Closed);
    }
}
