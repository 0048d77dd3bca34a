//! Credits of returns, one by one and at random.

use chrono::DateTime;
use oms_fulfilment::{RequestedBy, ReturnId, ReturnReason, ReturnStatus};
use oms_payments::AmountStep;
use oms_validation::{Currency, Fingerprint, Money, OrderId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope};
use crate::domain::id::CreditId;
use crate::domain::ledger::ledger;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::refund_plan::{RequestedCredit, RequestedParts, plan, plan_units};
use crate::domain::return_terms::CreditOn;
use crate::domain::status::OrderStatus;

fn eur(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("EUR").unwrap(),
    }
}

/// An order with lines of (units, payable) and shipping.
fn order(lines: &[(i32, i64)], shipping_minor: i64) -> Order {
    let line = |(quantity, payable): &(i32, i64)| OrderLine {
        product_id: Uuid::from_u128(1).into(),
        quantity: *quantity,
        unit_price: eur(1),
        payable: eur(*payable),
    };
    let shipping = Adjustment {
        kind: AdjustmentKind::Shipping,
        scope: AdjustmentScope::Shipping,
        amount_minor: shipping_minor,
        included: false,
        label: "Standard".to_owned(),
        code: None,
        rate_ppm: None,
    };
    let trace = json!({ "destination": { "lat": 1.0, "lng": 1.0 }, "candidates": [] });
    Order {
        id: OrderId::generate(),
        fingerprint: Fingerprint([0; 32]),
        customer_id: Uuid::from_u128(1).into(),
        status: OrderStatus::Paid,
        failure: None,
        warehouse_id: Uuid::from_u128(1).into(),
        price_list: None,
        total: eur(lines.iter().map(|it| it.1).sum::<i64>() + shipping_minor),
        shipping_address: None,
        routing: serde_json::from_value(trace).unwrap(),
        lines: lines.iter().map(line).collect(),
        adjustments: vec![shipping],
        credits: Vec::new(),
        external_reference: None,
        metadata: Metadata::default(),
        created_at: DateTime::UNIX_EPOCH,
        erased_at: None,
    }
}

fn terms(fee_ppm: u32, refund_shipping: RefundShipping) -> ReturnTerms {
    ReturnTerms {
        restocking_fee_ppm: fee_ppm,
        refund_shipping,
        ..ReturnTerms::default()
    }
}

/// A return of all units of some lines, of which none is accepted.
fn return_of(lines: &[(i32, i32, ReturnReason)], terms: ReturnTerms) -> Return {
    let line = |(number, quantity, reason): &(i32, i32, ReturnReason)| ReturnLine {
        number: *number,
        product_id: Uuid::from_u128(1).into(),
        quantity: *quantity,
        reason: *reason,
        restocked: 0,
        quarantined: 0,
        discarded: 0,
        missing: 0,
        accepted: 0,
    };
    Return {
        id: ReturnId::generate(),
        order_id: OrderId::generate(),
        number: 1,
        status: ReturnStatus::Received,
        version: 1,
        warehouse_id: None,
        requested_by: RequestedBy::Customer,
        note: None,
        override_reason: None,
        decision_reason: None,
        terms: terms.to_value(),
        requested_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        expires_at: None,
        closed_at: None,
        lines: lines.iter().map(line).collect(),
        receipts: Vec::new(),
    }
}

/// An order with the units that will not be sent, and its returns.
struct World {
    order: Order,
    goods: GoodsOfLines,
    returns: Vec<Return>,
    step: AmountStep,
}

impl World {
    fn new(lines: &[(i32, i64)], shipping_minor: i64) -> Self {
        Self {
            order: order(lines, shipping_minor),
            goods: GoodsOfLines::default(),
            returns: Vec::new(),
            step: AmountStep::MINOR,
        }
    }

    /// A return of units of lines, of which none is accepted. Returns its place.
    fn request(&mut self, lines: &[(i32, i32, ReturnReason)], terms: ReturnTerms) -> usize {
        self.returns.push(return_of(lines, terms));
        self.returns.len() - 1
    }

    fn owed(&self) -> i64 {
        ledger(&self.order, None, &[]).owed.amount_minor
    }

    fn grant(&mut self, return_id: Option<ReturnId>, credits: Vec<(CreditPart, i64)>) {
        for (part, amount_minor) in credits {
            self.order.credits.push(Credit {
                id: CreditId::generate(),
                part,
                amount_minor,
                refund_id: None,
                return_id,
                created_at: DateTime::UNIX_EPOCH,
            });
        }
    }

    /// Credits what is due. Returns the sum.
    fn credit(&mut self) -> i64 {
        let (owed, goods) = (self.owed(), self.goods.clone());
        let credits = &self.order.credits;
        let planned = plan_returns(&self.order, credits, owed, goods, &self.returns, self.step);
        let mut sum = 0;
        for (id, credits) in planned {
            sum += sum_of(&credits);
            self.grant(Some(id), credits);
        }
        sum
    }

    /// Accepts units of a return, and credits what is due. Returns the sum.
    fn accept(&mut self, place: usize, units: &[(i32, i32)]) -> i64 {
        for (number, units) in units {
            let mut lines = self.returns[place].lines.iter_mut();
            let line = lines.find(|line| line.number == *number);
            line.unwrap().accepted += units;
        }
        self.credit()
    }

    /// Cancels units of the first line, and credits them.
    fn cancel(&mut self, units: i32) -> i64 {
        let mut goods = self.goods.clone();
        self.returns.iter().for_each(|it| goods.accept(it));
        goods.line_mut(1).frozen = units;
        let (credits, sum) = plan_units(&self.order, &self.order.credits, &goods, self.step);
        self.grant(None, credits);
        self.goods.line_mut(1).cancelled += units;
        sum.amount_minor
    }

    /// Refunds units of the first line, or an amount of it, at a request.
    fn refund(&mut self, quantity: Option<i32>, amount: Option<i64>) -> i64 {
        let amount = amount.map(eur);
        let credit = RequestedCredit {
            line: 1,
            quantity,
            amount,
        };
        let parts = RequestedParts {
            lines: vec![credit],
            ..RequestedParts::default()
        };
        let Ok((planned, sum)) = plan(&self.order, &self.order.credits, &parts, self.step) else {
            return 0;
        };
        self.grant(None, planned);
        sum.amount_minor
    }

    /// What was credited of the first line.
    fn of_line(&self) -> i64 {
        let credits = self.order.credits.iter();
        let of_line = credits.filter(|it| it.part.line().0 == Some(1));
        of_line.map(|it| it.amount_minor).sum()
    }

    fn fees(&self) -> i64 {
        let credits = self.order.credits.iter();
        let fees = credits.filter(|it| it.part == CreditPart::RestockingFee);
        fees.map(|it| -it.amount_minor).sum()
    }
}

const UNWANTED: ReturnReason = ReturnReason::Unwanted;

#[test]
fn units_are_credited_with_their_shares_and_shipping_with_the_last_unit() {
    let mut world = World::new(&[(3, 1000), (1, 500)], 490);
    let it = world.request(
        &[(1, 3, ReturnReason::Defective), (2, 1, ReturnReason::Late)],
        terms(100_000, RefundShipping::OnFullReturn),
    );
    assert_eq!(world.accept(it, &[(1, 1)]), 333);
    assert_eq!(world.accept(it, &[(1, 2)]), 667);
    assert_eq!(world.accept(it, &[(2, 1)]), 500 + 490);
    assert_eq!(world.credit(), 0);
    assert_eq!(world.owed(), 0);
}

#[test]
fn shipping_is_credited_as_was_agreed() {
    use RefundShipping::{Always, Never};
    for (when, first, rest) in [(Always, 333 + 490, 667), (Never, 333, 667)] {
        let mut world = World::new(&[(3, 1000)], 490);
        let it = world.request(&[(1, 3, UNWANTED)], terms(0, when));
        assert_eq!(world.accept(it, &[(1, 1)]), first);
        assert_eq!(world.accept(it, &[(1, 2)]), rest);
        assert_eq!(world.credit(), 0);
    }
}

#[test]
fn shipping_is_credited_once_the_rest_is_cancelled_before_or_after_the_return() {
    let mut world = World::new(&[(3, 1000)], 490);
    assert_eq!(world.cancel(2), 667);
    let it = world.request(&[(1, 1, UNWANTED)], ReturnTerms::default());
    assert_eq!(world.accept(it, &[(1, 1)]), 333 + 490);
    let mut world = World::new(&[(3, 1000)], 490);
    let it = world.request(&[(1, 1, UNWANTED)], ReturnTerms::default());
    assert_eq!(world.accept(it, &[(1, 1)]), 333);
    // They are kept from being sent, and may still be.
    world.goods.line_mut(1).frozen = 2;
    world.grant(
        None,
        vec![(
            CreditPart::Line {
                number: 1,
                quantity: Some(2),
            },
            667,
        )],
    );
    assert_eq!(world.credit(), 0);
    *world.goods.line_mut(1) = crate::domain::goods_of_lines::LineGoods {
        cancelled: 2,
        ..Default::default()
    };
    assert_eq!(world.credit(), 490);
    assert_eq!(world.owed(), 0);
}

#[test]
fn a_fee_is_kept_of_what_comes_back_by_the_customer_s_choice() {
    let mut world = World::new(&[(3, 1000), (1, 500)], 0);
    let lines = [(1, 3, UNWANTED), (2, 1, ReturnReason::Defective)];
    let it = world.request(&lines, terms(150_000, RefundShipping::Never));
    // 15 % of 3.33, of 10.00 less that, and nothing of the defective unit.
    assert_eq!(world.accept(it, &[(1, 1)]), 333 - 49);
    assert_eq!(world.accept(it, &[(1, 2)]), 667 - 101);
    assert_eq!(world.accept(it, &[(2, 1)]), 500);
    assert_eq!(world.owed(), 150);
}

#[test]
fn each_return_is_credited_for_its_own_units_when_money_is_there_again() {
    let mut world = World::new(&[(2, 1000)], 0);
    let fee = terms(100_000, RefundShipping::Never);
    let defective = world.request(&[(1, 1, ReturnReason::Defective)], fee);
    let unwanted = world.request(&[(1, 1, UNWANTED)], fee);
    // A refund of everything is in progress.
    world.grant(None, vec![(CreditPart::UNNAMED, 1000)]);
    assert_eq!(world.accept(defective, &[(1, 1)]), 0);
    assert_eq!(world.accept(unwanted, &[(1, 1)]), 0);
    world.order.credits.clear();
    assert_eq!(world.credit(), 500 + 450);
    let of = |place: usize| -> i64 {
        let id = Some(world.returns[place].id);
        let credits = world.order.credits.iter().filter(|it| it.return_id == id);
        credits.map(|it| it.amount_minor).sum()
    };
    assert_eq!((of(defective), of(unwanted)), (500, 450));
    assert_eq!(world.credit(), 0);
}

#[test]
fn units_that_were_refunded_before_are_not_credited_once_more() {
    let mut world = World::new(&[(3, 900)], 0);
    let it = world.request(&[(1, 3, UNWANTED)], ReturnTerms::default());
    assert_eq!(world.refund(Some(1), None), 300);
    assert_eq!(world.accept(it, &[(1, 1)]), 0);
    assert_eq!(world.accept(it, &[(1, 1)]), 300);
    // A price reduction is for no unit in particular, and comes off the last.
    assert_eq!(world.refund(None, Some(100)), 100);
    assert_eq!(world.accept(it, &[(1, 1)]), 200);
}

#[test]
fn units_that_an_operator_refunds_do_not_reduce_later_credits() {
    let manual = ReturnTerms {
        credit_on: CreditOn::Manual,
        ..ReturnTerms::default()
    };
    // The operator refunds before or after the next unit comes back, or cancels the last one.
    for refunds_first in [true, false] {
        let mut world = World::new(&[(3, 1000)], 0);
        world.request(&[(1, 1, UNWANTED)], manual);
        world.goods.line_mut(1).manual = 1;
        let it = world.request(&[(1, 1, UNWANTED)], ReturnTerms::default());
        let mut sum = 0;
        if refunds_first {
            sum += world.refund(Some(1), None);
        }
        sum += world.accept(it, &[(1, 1)]);
        if !refunds_first {
            sum += world.refund(Some(1), None);
        }
        assert_eq!((sum, world.credit()), (666, 0), "{refunds_first}");
        assert_eq!(world.cancel(1), 334, "{refunds_first}");
        assert_eq!(world.owed(), 0);
    }
}

#[test]
fn no_more_is_credited_than_is_owed() {
    let mut world = World::new(&[(1, 500), (1, 500)], 100);
    world.grant(None, vec![(CreditPart::UNNAMED, 700)]);
    let lines = [(1, 1, UNWANTED), (2, 1, UNWANTED)];
    let it = world.request(&lines, terms(100_000, RefundShipping::OnFullReturn));
    let goods = world.goods.clone();
    let credits = &world.order.credits;
    let credit = credit_of_units(&world.order, credits, &goods, 400, (1, 1));
    assert_eq!(credit, 400);
    assert_eq!(world.accept(it, &[(1, 1), (2, 1)]), 400);
    assert_eq!(world.owed(), 0);
    assert_eq!(world.credit(), 0);
}

#[test]
fn units_that_came_back_do_not_reduce_the_refund_of_those_that_were_not_sent() {
    let mut world = World::new(&[(3, 1000)], 0);
    let it = world.request(&[(1, 1, UNWANTED)], ReturnTerms::default());
    assert_eq!(world.accept(it, &[(1, 1)]), 333);
    assert_eq!(world.cancel(2), 667);
}

#[test]
fn what_the_gateway_can_not_express_stays_with_the_lines() {
    let mut world = World::new(&[(1, 333), (1, 667)], 0);
    world.step = AmountStep::new(10);
    let first = world.request(&[(1, 1, UNWANTED)], ReturnTerms::default());
    let second = world.request(&[(2, 1, UNWANTED)], ReturnTerms::default());
    assert_eq!(world.accept(first, &[(1, 1)]), 330);
    assert_eq!(world.credit(), 0);
    // The rest of the first line makes up the sum.
    assert_eq!(world.accept(second, &[(2, 1)]), 670);
    assert_eq!(world.owed(), 0);
}

proptest! {
    /// Any partition of the units of a line into returns and receipts, with goodwill between them, sums to the unit.
    #[test]
    fn any_partition_into_returns_and_receipts_sums_to_the_line(
        quantity in 1..40_i32,
        payable in 0..100_000_i64,
        shipping in 0..1000_i64,
        fee_ppm in 0..=1_000_000_u32,
        unsent in 0..10_i32,
        cancels_first in any::<bool>(),
        steps in prop::collection::vec((any::<bool>(), 1..7_i32, prop::option::of((any::<bool>(), 1..4_i32))), 1..30),
    ) {
        let unsent = unsent.min(quantity - 1);
        let sent = quantity - unsent;
        let mut world = World::new(&[(quantity, payable)], shipping);
        if cancels_first {
            world.cancel(unsent);
        }
        let agreed = terms(fee_ppm, RefundShipping::OnFullReturn);
        let lines = [(1, sent, ReturnReason::WrongSize)];
        let mut it = world.request(&lines, agreed);
        let mut back = 0;
        for (is_new, units, refund) in steps {
            if is_new {
                it = world.request(&lines, agreed);
            }
            match refund {
                Some((true, units)) => { world.refund(Some(units), None); }
                Some((false, amount)) => { world.refund(None, Some(i64::from(amount))); }
                None => {}
            }
            let units = units.min(sent - back);
            back += units;
            let credited = world.accept(it, &[(1, units)]);
            prop_assert!(credited >= 0);
            prop_assert_eq!(world.credit(), 0);
            prop_assert!((0..=payable + shipping).contains(&world.owed()));
            prop_assert!(world.of_line() <= payable);
            let credits = world.order.credits.iter();
            let units: i32 = credits.filter_map(|it| it.part.line().1).sum();
            prop_assert!(units <= quantity);
        }
        world.accept(it, &[(1, sent - back)]);
        if !cancels_first {
            world.cancel(unsent);
            world.credit();
        }
        prop_assert_eq!(world.of_line(), payable);
        prop_assert_eq!(world.owed(), world.fees());
        prop_assert!(world.fees() <= payable);
    }

    /// A gateway that refunds only multiples of 10, as for dinars of Kuwait: every sum that is credited at one time can be
    /// refunded, and what is not credited is still owed and less than a step in the end.
    #[test]
    fn every_sum_can_be_refunded_and_the_rest_is_shown(
        lines in prop::collection::vec((1..6_i32, 0..5000_i64), 1..4),
        shipping in 0..100_i64,
        fee_ppm in 0..300_000_u32,
        receipts in prop::collection::vec((any::<bool>(), 0..4_usize, 1..4_i32), 1..25),
    ) {
        let step = AmountStep::new(10);
        let payable: i64 = lines.iter().map(|it| it.1).sum();
        // The whole can be collected.
        let shipping = shipping + (10 - step.excess(payable + shipping)) % 10;
        let mut world = World::new(&lines, shipping);
        world.step = step;
        let agreed = terms(fee_ppm, RefundShipping::OnFullReturn);
        let all: Vec<_> = (1..).zip(&lines).map(|(number, it)| (number, it.0, UNWANTED)).collect();
        let mut it = world.request(&all, agreed);
        let mut left: Vec<i32> = lines.iter().map(|it| it.0).collect();
        let mut paid = 0;
        let mut receive = |world: &mut World, it: usize, place: usize, units: i32| -> Result<(), TestCaseError> {
            let units = units.min(left[place]);
            left[place] -= units;
            let number = i32::try_from(place).unwrap() + 1;
            let sum = world.accept(it, &[(number, units)]);
            prop_assert!(sum >= 0);
            prop_assert_eq!(step.excess(sum), 0);
            paid += sum;
            prop_assert_eq!(paid + world.owed(), payable + shipping);
            Ok(())
        };
        for (is_new, place, units) in receipts {
            if is_new {
                it = world.request(&all, agreed);
            }
            receive(&mut world, it, place % lines.len(), units)?;
        }
        for (place, of_line) in lines.iter().enumerate() {
            receive(&mut world, it, place, of_line.0)?;
        }
        prop_assert_eq!(world.credit(), 0);
        let owed = world.owed();
        prop_assert!((world.fees()..world.fees() + 10).contains(&owed), "{} {}", world.fees(), owed);
    }
}
