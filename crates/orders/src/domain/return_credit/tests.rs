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
use crate::domain::refund_plan::{RequestedCredit, RequestedParts, UnsentUnits, plan, plan_units};
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

/// Accepts units of a return, and credits them. Returns what was credited.
fn accept(order: &mut Order, goods: &mut GoodsOfLines, it: &Return, units: &[(i32, i32)]) -> i64 {
    for (line, units) in units {
        *goods.accepted.entry(*line).or_default() += units;
    }
    let owed = ledger(order, None, &[]).owed.amount_minor;
    let planned = plan_return(order, &order.credits, owed, goods, it);
    let sum = planned.iter().map(|(_, amount)| amount).sum();
    for (part, amount_minor) in planned {
        order.credits.push(Credit {
            id: CreditId::generate(),
            part,
            amount_minor,
            refund_id: None,
            return_id: Some(it.id),
            created_at: DateTime::UNIX_EPOCH,
        });
    }
    sum
}

/// Refunds units of a line, or an amount of it, out of goodwill.
fn goodwill(order: &mut Order, quantity: Option<i32>, amount: Option<i64>) -> i64 {
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
    let Ok((planned, sum)) = plan(order, &order.credits, &parts, AmountStep::MINOR) else {
        return 0;
    };
    for (part, amount_minor) in planned {
        order.credits.push(Credit {
            id: CreditId::generate(),
            part,
            amount_minor,
            refund_id: None,
            return_id: None,
            created_at: DateTime::UNIX_EPOCH,
        });
    }
    sum.amount_minor
}

#[test]
fn units_are_credited_with_their_shares_and_shipping_with_the_last_unit() {
    let mut order = order(&[(3, 1000), (1, 500)], 490);
    let mut goods = GoodsOfLines::default();
    let it = return_of(
        &[(1, 3, ReturnReason::Defective), (2, 1, ReturnReason::Late)],
        terms(100_000, RefundShipping::OnFullReturn),
    );
    let mut accept = |units: &[(i32, i32)]| accept(&mut order, &mut goods, &it, units);
    assert_eq!(accept(&[(1, 1)]), 333);
    assert_eq!(accept(&[(1, 2)]), 667);
    assert_eq!(accept(&[(2, 1)]), 500 + 490);
    assert_eq!(accept(&[]), 0);
    assert_eq!(ledger(&order, None, &[]).owed, eur(0));
}

#[test]
fn shipping_is_credited_as_was_agreed() {
    use RefundShipping::{Always, Never};
    for (when, first, rest) in [(Always, 333 + 490, 667), (Never, 333, 667)] {
        let mut order = order(&[(3, 1000)], 490);
        let mut goods = GoodsOfLines::default();
        let it = return_of(&[(1, 3, ReturnReason::Unwanted)], terms(0, when));
        assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), first);
        assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 2)]), rest);
    }
    // Two of three units were never sent.
    let mut order = order(&[(3, 1000)], 490);
    let mut goods = GoodsOfLines::default();
    goods.unsent.insert(1, 2);
    let it = return_of(&[(1, 1, ReturnReason::Unwanted)], ReturnTerms::default());
    // The units that were not sent take the last shares, so the one that was sent has the first.
    order.credits.push(Credit {
        id: CreditId::generate(),
        part: CreditPart::Line {
            number: 1,
            quantity: Some(2),
        },
        amount_minor: 667,
        refund_id: None,
        return_id: None,
        created_at: DateTime::UNIX_EPOCH,
    });
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 333 + 490);
}

#[test]
fn a_fee_is_kept_of_what_comes_back_by_the_customer_s_choice() {
    let mut order = order(&[(3, 1000), (1, 500)], 0);
    let mut goods = GoodsOfLines::default();
    let lines = [
        (1, 3, ReturnReason::Unwanted),
        (2, 1, ReturnReason::Defective),
    ];
    let it = return_of(&lines, terms(150_000, RefundShipping::Never));
    // 15 % of 3.33, of 10.00 less that, and nothing of the defective unit.
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 333 - 49);
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 2)]), 667 - 101);
    assert_eq!(accept(&mut order, &mut goods, &it, &[(2, 1)]), 500);
    assert_eq!(ledger(&order, None, &[]).owed, eur(150));
}

#[test]
fn units_that_were_refunded_before_are_not_credited_once_more() {
    let mut order = order(&[(3, 900)], 0);
    let mut goods = GoodsOfLines::default();
    let it = return_of(&[(1, 3, ReturnReason::Unwanted)], ReturnTerms::default());
    assert_eq!(goodwill(&mut order, Some(1), None), 300);
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 0);
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 300);
    // A price reduction is for no unit in particular, and comes off the last.
    assert_eq!(goodwill(&mut order, None, Some(100)), 100);
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 200);
}

#[test]
fn no_more_is_credited_than_is_owed() {
    let mut order = order(&[(1, 500), (1, 500)], 100);
    order.credits.push(Credit {
        id: CreditId::generate(),
        part: CreditPart::Other("other"),
        amount_minor: 700,
        refund_id: None,
        return_id: None,
        created_at: DateTime::UNIX_EPOCH,
    });
    let lines = [
        (1, 1, ReturnReason::Unwanted),
        (2, 1, ReturnReason::Unwanted),
    ];
    let it = return_of(&lines, terms(100_000, RefundShipping::OnFullReturn));
    let mut goods = GoodsOfLines::default();
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1), (2, 1)]), 400);
    assert_eq!(ledger(&order, None, &[]).owed, eur(0));
    assert_eq!(accept(&mut order, &mut goods, &it, &[]), 0);
}

#[test]
fn units_that_came_back_do_not_reduce_the_refund_of_those_that_were_not_sent() {
    let mut order = order(&[(3, 1000)], 0);
    let mut goods = GoodsOfLines::default();
    let it = return_of(&[(1, 1, ReturnReason::Unwanted)], ReturnTerms::default());
    assert_eq!(accept(&mut order, &mut goods, &it, &[(1, 1)]), 333);
    let unsent = UnsentUnits {
        cancelled: BTreeMap::new(),
        cancelling: BTreeMap::from([(1, 2)]),
        returned: goods.accepted.clone(),
    };
    assert_eq!(
        plan_units(&order, &order.credits, &unsent, AmountStep::MINOR).1,
        eur(667)
    );
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
        steps in prop::collection::vec((any::<bool>(), 1..7_i32, prop::option::of((any::<bool>(), 1..4_i32))), 1..30),
    ) {
        let unsent = unsent.min(quantity - 1);
        let sent = quantity - unsent;
        let mut order = order(&[(quantity, payable)], shipping);
        let mut goods = GoodsOfLines::default();
        goods.unsent.insert(1, unsent);
        if unsent > 0 {
            let cancelling = UnsentUnits {
                cancelling: BTreeMap::from([(1, unsent)]),
                ..UnsentUnits::default()
            };
            for (part, amount_minor) in plan_units(&order, &[], &cancelling, AmountStep::MINOR).0 {
                let (id, refund_id, return_id) = (CreditId::generate(), None, None);
                order.credits.push(Credit { id, part, amount_minor, refund_id, created_at: DateTime::UNIX_EPOCH, return_id });
            }
        }
        let agreed = terms(fee_ppm, RefundShipping::OnFullReturn);
        let new = || return_of(&[(1, sent, ReturnReason::WrongSize)], agreed);
        let mut it = new();
        let mut back = 0;
        for (is_new, units, refund) in steps {
            if is_new {
                it = new();
            }
            match refund {
                Some((true, units)) => { goodwill(&mut order, Some(units), None); }
                Some((false, amount)) => { goodwill(&mut order, None, Some(i64::from(amount))); }
                None => {}
            }
            let units = units.min(sent - back);
            back += units;
            let credited = accept(&mut order, &mut goods, &it, &[(1, units)]);
            prop_assert!(credited >= 0);
            let owed = ledger(&order, None, &[]).owed.amount_minor;
            prop_assert!((0..=payable + shipping).contains(&owed));
            let of_line: i64 = order.credits.iter()
                .filter(|it| it.part.line().0 == Some(1)).map(|it| it.amount_minor).sum();
            prop_assert!(of_line <= payable);
            let units: i32 = order.credits.iter().filter_map(|it| it.part.line().1).sum();
            prop_assert!(units <= quantity);
        }
        accept(&mut order, &mut goods, &it, &[(1, sent - back)]);
        let of_line: i64 = order.credits.iter()
            .filter(|it| it.part.line().0 == Some(1)).map(|it| it.amount_minor).sum();
        prop_assert_eq!(of_line, payable);
        let fees: i64 = order.credits.iter()
            .filter(|it| it.part == CreditPart::RestockingFee).map(|it| -it.amount_minor).sum();
        prop_assert_eq!(ledger(&order, None, &[]).owed.amount_minor, fees);
        prop_assert!(fees <= payable);
    }
}
