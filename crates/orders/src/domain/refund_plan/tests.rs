//! Refunds of parts, one by one and at random.

use chrono::DateTime;
use oms_payments::{Asked, AttemptId, Refund, RefundActor, RefundId, RefundState};
use oms_validation::{Fingerprint, OrderId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope};
use crate::domain::id::CreditId;
use crate::domain::ledger::{counted, ledger, owed_again};
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::pricing::apply;
use crate::domain::status::OrderStatus;

fn eur(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("EUR").unwrap(),
    }
}

fn adjustment(kind: AdjustmentKind, scope: AdjustmentScope, amount_minor: i64) -> Adjustment {
    Adjustment {
        kind,
        scope,
        amount_minor,
        included: false,
        label: "x".to_owned(),
        code: None,
        rate_ppm: None,
    }
}

/// A paid order with these lines, a discount, shipping and a fee.
fn order(lines: &[(i32, i64)], off: i64, shipping: i64, fee: i64) -> Order {
    let line = |(quantity, price): &(i32, i64)| OrderLine {
        product_id: Uuid::from_u128(1).into(),
        quantity: *quantity,
        unit_price: eur(*price),
        payable: eur(0),
    };
    let mut lines: Vec<OrderLine> = lines.iter().map(line).collect();
    let mut adjustments = vec![
        adjustment(
            AdjustmentKind::Shipping,
            AdjustmentScope::Shipping,
            shipping,
        ),
        adjustment(AdjustmentKind::Fee, AdjustmentScope::Order, fee),
    ];
    if off > 0 {
        let scope = AdjustmentScope::Order;
        adjustments.push(adjustment(AdjustmentKind::Discount, scope, -off));
    }
    let total = apply(&mut lines, &adjustments).unwrap().total_minor;
    let trace = json!({ "destination": { "lat": 1.0, "lng": 1.0 }, "candidates": [] });
    Order {
        id: OrderId::generate(),
        fingerprint: Fingerprint([0; 32]),
        customer_id: Uuid::from_u128(1).into(),
        status: OrderStatus::Paid,
        failure: None,
        warehouse_id: Uuid::from_u128(1).into(),
        price_list: None,
        total: eur(total),
        shipping_address: None,
        routing: serde_json::from_value(trace).unwrap(),
        lines,
        adjustments,
        credits: Vec::new(),
        external_reference: None,
        metadata: Metadata::default(),
        created_at: DateTime::UNIX_EPOCH,
        erased_at: None,
    }
}

fn units(line: i32, quantity: i32) -> RequestedParts {
    RequestedParts {
        lines: vec![RequestedCredit {
            line,
            quantity: Some(quantity),
            amount: None,
        }],
        ..RequestedParts::default()
    }
}

/// Refunds parts of an order, and returns the sum.
fn refund(
    order: &mut Order,
    refunds: &mut Vec<Refund>,
    parts: &RequestedParts,
    state: RefundState,
) -> Result<i64, InvalidParts> {
    let counted = counted(&order.credits, refunds);
    let (credits, sum) = plan(order, &counted, parts, AmountStep::MINOR)?;
    let refund_id = RefundId::generate();
    for (part, amount_minor) in credits {
        order.credits.push(Credit {
            id: CreditId::generate(),
            part,
            amount_minor,
            refund_id: Some(refund_id),
            created_at: DateTime::UNIX_EPOCH,
            return_id: None,
        });
    }
    refunds.push(Refund {
        id: refund_id,
        order_id: order.id,
        attempt_id: AttemptId::generate(),
        number: 1,
        amount: sum,
        left: eur(0),
        state,
        actor: RefundActor::Oms,
        requested_by: None,
        idempotency_key: None,
        reason: None,
        reference: None,
        failure_code: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        asked: Asked::Perhaps,
    });
    Ok(sum.amount_minor)
}

#[test]
fn three_units_are_refunded_to_the_cent() {
    let (mut order, mut refunds) = (order(&[(3, 400)], 200, 0, 0), Vec::new());
    let done = RefundState::Refunded;
    for amount in [333, 333, 334] {
        let refunded = refund(&mut order, &mut refunds, &units(1, 1), done);
        assert_eq!(refunded, Ok(amount));
    }
    let refused = refund(&mut order, &mut refunds, &units(1, 1), done);
    assert_eq!(
        refused,
        Err(InvalidParts::TooManyUnits { index: 0, left: 0 })
    );
    let ledger = ledger(&order, Some(order.total), &refunds);
    assert_eq!(
        (ledger.owed, ledger.held, ledger.balance),
        (eur(0), eur(0), eur(0))
    );
}

#[test]
fn units_cost_at_most_what_an_earlier_goodwill_has_left() {
    let (mut order, mut refunds) = (order(&[(2, 100)], 0, 0, 0), Vec::new());
    let goodwill = RequestedParts {
        lines: vec![RequestedCredit {
            line: 1,
            quantity: None,
            amount: Some(eur(150)),
        }],
        ..RequestedParts::default()
    };
    let done = RefundState::Refunded;
    assert_eq!(refund(&mut order, &mut refunds, &goodwill, done), Ok(150));
    assert_eq!(refund(&mut order, &mut refunds, &units(1, 1), done), Ok(50));
    let refused = refund(&mut order, &mut refunds, &units(1, 1), done);
    assert_eq!(refused, Err(InvalidParts::Nothing(0)));
}

#[test]
fn a_part_is_refunded_up_to_what_was_paid_for_it() {
    let (mut order, mut refunds) = (order(&[(1, 100)], 0, 490, 50), Vec::new());
    let of = |shipping: Option<i64>, fees: Option<i64>| RequestedParts {
        shipping: shipping.map(eur),
        fees: fees.map(eur),
        ..RequestedParts::default()
    };
    let done = RefundState::Refunded;
    assert_eq!(
        refund(&mut order, &mut refunds, &of(Some(90), Some(50)), done),
        Ok(140)
    );
    for (parts, part, left_minor) in [
        (of(Some(401), None), CreditPart::Shipping, 400),
        (of(None, Some(1)), CreditPart::Fee, 0),
    ] {
        let refused = refund(&mut order, &mut refunds, &parts, done);
        let index = None;
        let expected = InvalidParts::TooMuch {
            index,
            part,
            left_minor,
        };
        assert_eq!(refused, Err(expected));
    }
    let expecting = |amount| RequestedParts {
        expected: Some(eur(amount)),
        ..of(Some(400), None)
    };
    let refused = refund(&mut order, &mut refunds, &expecting(399), done);
    assert_eq!(refused, Err(InvalidParts::NotAsExpected(eur(400))));
    assert_eq!(
        refund(&mut order, &mut refunds, &expecting(400), done),
        Ok(400)
    );
}

#[test]
fn a_refund_that_failed_credits_nothing() {
    let (mut order, mut refunds) = (order(&[(1, 100)], 0, 0, 0), Vec::new());
    refund(&mut order, &mut refunds, &units(1, 1), RefundState::Failed).unwrap();
    let captured = Some(order.total);
    assert_eq!(ledger(&order, captured, &refunds).owed, eur(100));
    refund(&mut order, &mut refunds, &units(1, 1), RefundState::Pending).unwrap();
    let ledger = ledger(&order, captured, &refunds);
    assert_eq!(
        (ledger.owed, ledger.held, ledger.balance),
        (eur(0), eur(100), eur(-100))
    );
}

#[test]
fn a_refund_without_parts_is_a_credit_of_its_amount() {
    let (mut order, mut refunds) = (order(&[(2, 100)], 0, 0, 0), Vec::new());
    refund(
        &mut order,
        &mut refunds,
        &units(1, 1),
        RefundState::Refunded,
    )
    .unwrap();
    order.credits.clear();
    let ledger = ledger(&order, Some(order.total), &refunds);
    assert_eq!(
        (ledger.owed, ledger.held, ledger.balance),
        (eur(100), eur(100), eur(0))
    );
}

#[test]
fn a_cancelled_order_owes_nothing() {
    let mut order = order(&[(2, 100)], 0, 0, 0);
    order.status = OrderStatus::Cancelled;
    let ledger = ledger(&order, None, &[]);
    assert_eq!(
        (ledger.owed, ledger.held, ledger.balance),
        (eur(0), eur(0), eur(0))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_sequence_of_refunds_sums_to_the_unit_and_keeps_the_balance(
        prices in prop::collection::vec((1..8_i32, 1..1000_i64), 1..5),
        off_percent in 0..=100_i64,
        steps in prop::collection::vec((0..5_usize, 1..4_i32, 0..300_i64, 0..4_u8), 1..40),
    ) {
        let sum: i64 = prices.iter().map(|(quantity, price)| i64::from(*quantity) * price).sum();
        let mut order = order(&prices, sum * off_percent / 100, 490, 50);
        let captured = Some(order.total);
        let mut refunds = Vec::new();
        for (line, quantity, amount, kind) in steps {
            let line = i32::try_from(line % prices.len() + 1).unwrap();
            let goodwill = RequestedCredit { line, quantity: None, amount: Some(eur(amount)) };
            let (parts, state) = match kind {
                0 => (RequestedParts { lines: vec![goodwill], ..RequestedParts::default() }, RefundState::Refunded),
                1 => (RequestedParts { shipping: Some(eur(amount)), ..RequestedParts::default() }, RefundState::Refunded),
                2 => (units(line, quantity), RefundState::Failed),
                _ => (units(line, quantity), RefundState::Refunded),
            };
            let _refused = refund(&mut order, &mut refunds, &parts, state);
            let ledger = ledger(&order, captured, &refunds);
            prop_assert_eq!(ledger.balance, eur(0));
            prop_assert!(ledger.owed.amount_minor >= 0);
        }
        // All units that are left of each line are refunded.
        for (index, (quantity, _)) in prices.iter().enumerate() {
            let line = i32::try_from(index + 1).unwrap();
            let part = CreditPart::Line { number: line, quantity: None };
            let credited = |order: &Order, refunds: &[Refund]| {
                let sums = sums(&counted(&order.credits, refunds));
                sums.get(&part).copied().unwrap_or_default()
            };
            let left = quantity - credited(&order, &refunds).units;
            let _nothing = refund(&mut order, &mut refunds, &units(line, left), RefundState::Refunded);
            let amount = credited(&order, &refunds).amount_minor;
            prop_assert_eq!(amount, order.lines[index].payable.amount_minor);
        }
    }
}

/// The amount that is refunded when units of the only line are cancelled.
fn cancel(order: &Order, cancelled: i32, cancelling: i32) -> i64 {
    let mut goods = GoodsOfLines::default();
    goods.line_mut(1).cancelled = cancelled;
    goods.line_mut(1).frozen = cancelling;
    let (_, sum) = plan_units(order, &order.credits, &goods, AmountStep::MINOR);
    sum.amount_minor
}

fn credit(order: &mut Order, quantity: Option<i32>, amount_minor: i64) {
    let part = CreditPart::Line {
        number: 1,
        quantity,
    };
    order.credits.push(Credit {
        id: CreditId::generate(),
        part,
        amount_minor,
        refund_id: None,
        created_at: DateTime::UNIX_EPOCH,
        return_id: None,
    });
}

#[test]
fn cancelled_units_cost_their_share_less_what_was_refunded_for_units_before() {
    // 10.00 for three units.
    let whole = order(&[(3, 334)], 2, 0, 0);
    assert_eq!(cancel(&whole, 0, 2), 1000 - 333);
    assert_eq!(cancel(&whole, 2, 1), 1000);

    // One of two unsent units was refunded before.
    let mut refunded = whole.clone();
    credit(&mut refunded, Some(1), 333);
    assert_eq!(cancel(&refunded, 0, 2), 1000 - 333 - 333);
    // The only unsent unit was refunded before.
    assert_eq!(cancel(&refunded, 0, 1), 1000 - 666 - 333);

    // A small amount for all units does not make the unsent ones free.
    let mut reduced = whole.clone();
    credit(&mut reduced, Some(3), 100);
    assert_eq!(cancel(&reduced, 0, 2), 1000 - 333 - 100);

    // Goodwill for no unit in particular is no refund of unsent units, but no more than was paid is refunded.
    let mut goodwill = whole.clone();
    credit(&mut goodwill, None, 200);
    assert_eq!(cancel(&goodwill, 0, 2), 1000 - 333);
    credit(&mut goodwill, None, 700);
    assert_eq!(cancel(&goodwill, 0, 2), 100);

    // A second cancellation continues after the first.
    let mut twice = whole;
    credit(&mut twice, Some(1), 1000 - 666);
    assert_eq!(cancel(&twice, 1, 1), 666 - 333);
}

#[test]
fn a_sum_is_rounded_down_to_what_the_gateway_can_express() {
    // Two lines of three units, at 10.01 and 20.02 each.
    let order = order(&[(3, 1001), (3, 2002)], 0, 490, 0);
    let tens = AmountStep::new(10);
    let of = |lines: Vec<RequestedCredit>, shipping: Option<i64>| RequestedParts {
        lines,
        shipping: shipping.map(eur),
        ..RequestedParts::default()
    };
    let unit = |line, amount: Option<i64>| RequestedCredit {
        line,
        quantity: Some(1),
        amount: amount.map(eur),
    };
    let planned = |parts: &RequestedParts| {
        let (credits, sum) = plan(&order, &[], parts, tens)?;
        let amounts: Vec<i64> = credits.iter().map(|(_, amount)| *amount).collect();
        assert_eq!(amounts.iter().sum::<i64>(), sum.amount_minor);
        Ok::<_, InvalidParts>(amounts)
    };
    // The last line gives way.
    let both = of(vec![unit(1, None), unit(2, None)], None);
    assert_eq!(planned(&both), Ok(vec![1001, 1999]));
    // Named amounts stay as they are.
    let named = of(vec![unit(1, None), unit(2, Some(2002))], Some(5));
    assert_eq!(planned(&named), Ok(vec![993, 2002, 5]));
    let all_named = of(vec![unit(2, Some(2002))], Some(5));
    assert_eq!(planned(&all_named), Ok(vec![2002, 5]));
    // Nothing is left of a line.
    let little = plan(
        &order,
        &[],
        &of(vec![unit(1, None)], None),
        AmountStep::new(5000),
    );
    assert_eq!(little, Err(InvalidParts::Nothing(0)));

    let mut goods = GoodsOfLines::default();
    goods.line_mut(1).frozen = 1;
    goods.line_mut(2).frozen = 1;
    let (credits, sum) = plan_units(&order, &[], &goods, tens);
    assert_eq!((credits.len(), sum), (2, eur(3000)));
    let (credits, sum) = plan_units(&order, &[], &goods, AmountStep::new(5000));
    assert_eq!((credits.len(), sum), (0, eur(0)));
}

/// A refund of this amount without parts.
fn alone(amount_minor: i64, state: RefundState) -> Refund {
    let mut whole = (order(&[(1, 1)], 0, 0, 0), Vec::new());
    refund(&mut whole.0, &mut whole.1, &units(1, 1), state).unwrap();
    Refund {
        amount: eur(amount_minor),
        ..whole.1.remove(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is refunded, is rejected, or fails later: the order is owed what is being refunded, and what banks have
    /// returned and no refund has paid out since.
    #[test]
    fn the_balance_is_what_is_pending_and_what_was_returned(
        prices in prop::collection::vec((1..5_i32, 1..400_i64), 1..4),
        steps in prop::collection::vec((0..8_u8, 0..4_usize, 1..300_i64), 1..60),
    ) {
        let mut order = order(&prices, 0, 490, 50);
        let captured = order.total;
        let mut refunds: Vec<Refund> = Vec::new();
        let mut returned = 0;
        for (step, (kind, index, amount)) in (1..).zip(steps) {
            let now = DateTime::from_timestamp(step, 0).unwrap();
            let counts = |refund: &&Refund| refund.state != RefundState::Failed;
            let given: i64 = refunds.iter().filter(counts).map(|it| it.amount.amount_minor).sum();
            let left = captured.amount_minor - given;
            match kind {
                // An amount.
                0..=2 => {
                    let amount = amount.min(left);
                    if amount > 0 {
                        let state = [RefundState::Refunded, RefundState::Pending, RefundState::Failed];
                        let refund = alone(amount, state[usize::from(kind)]);
                        if refund.state != RefundState::Failed {
                            returned -= returned.min(amount);
                        }
                        refunds.push(Refund { created_at: now, ..refund });
                    }
                }
                // Units, unless that is more than is left.
                3 | 4 => {
                    let line = i32::try_from(index % prices.len() + 1).unwrap();
                    let state = if kind == 3 { RefundState::Refunded } else { RefundState::Failed };
                    let before = (order.clone(), refunds.clone());
                    if refund(&mut order, &mut refunds, &units(line, 1), state).is_ok_and(|sum| sum > left) {
                        (order, refunds) = before;
                    }
                }
                // A pending refund is done.
                5 => {
                    let pending = refunds.iter_mut().find(|it| it.state == RefundState::Pending);
                    if let Some(refund) = pending {
                        refund.state = RefundState::Refunded;
                    }
                }
                // A refund that was done fails.
                _ => {
                    let mut done = refunds.iter().filter(|it| it.state == RefundState::Refunded);
                    if let Some(failed) = done.nth(index).map(|it| it.id) {
                        let owed = owed_again(&order.credits, &refunds, failed);
                        for (part, amount_minor) in owed {
                            order.credits.push(Credit {
                                id: CreditId::generate(),
                                part,
                                amount_minor,
                                refund_id: None,
                                created_at: now,
                                return_id: None,
                            });
                        }
                        for refund in refunds.iter_mut().filter(|it| it.id == failed) {
                            refund.state = RefundState::Failed;
                            returned += refund.amount.amount_minor;
                        }
                    }
                }
            }
            let of = |state| {
                let of_it = refunds.iter().filter(move |it| it.state == state);
                of_it.map(|it| it.amount.amount_minor).sum::<i64>()
            };
            let ledger = ledger(&order, Some(captured), &refunds);
            prop_assert_eq!(ledger.held.amount_minor, captured.amount_minor - of(RefundState::Refunded));
            prop_assert_eq!(ledger.owed.amount_minor - ledger.held.amount_minor, ledger.balance.amount_minor);
            // No more is owed than is held.
            let owed = (of(RefundState::Pending) + returned).min(ledger.held.amount_minor);
            prop_assert_eq!(ledger.balance.amount_minor, -owed);
            prop_assert!(ledger.owed.amount_minor >= 0);
        }
    }
}
