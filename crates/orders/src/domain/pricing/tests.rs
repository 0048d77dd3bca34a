//! Adjustments, one by one and at random.

use oms_validation::Currency;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn line(quantity: i32, unit_minor: i64) -> OrderLine {
    let currency = Currency::parse("EUR").unwrap();
    let money = |amount_minor| Money {
        amount_minor,
        currency,
    };
    OrderLine {
        product_id: Uuid::from_u128(1).into(),
        quantity,
        unit_price: money(unit_minor),
        payable: money(0),
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

fn included(scope: AdjustmentScope, amount_minor: i64) -> Adjustment {
    Adjustment {
        included: true,
        ..adjustment(AdjustmentKind::Tax, scope, amount_minor)
    }
}

use AdjustmentKind::{Discount, Duty, Fee, Shipping, Tax};
use AdjustmentScope as Scope;

fn payable(lines: &[OrderLine]) -> Vec<i64> {
    lines.iter().map(|line| line.payable.amount_minor).collect()
}

#[test]
fn without_adjustments_each_line_costs_its_price() {
    let mut lines = [line(2, 500), line(1, 1)];
    let breakdown = apply(&mut lines, &[]).unwrap();
    assert_eq!((breakdown.items_minor, breakdown.total_minor), (1001, 1001));
    assert_eq!(payable(&lines), [1000, 1]);
}

#[test]
fn each_adjustment_changes_the_part_that_it_applies_to() {
    let mut lines = [line(3, 1000), line(1, 1000)];
    let adjustments = [
        adjustment(Discount, Scope::Line(1), -500),
        adjustment(Tax, Scope::Line(2), 190),
        adjustment(Fee, Scope::Line(2), 10),
        adjustment(Discount, Scope::Order, -100),
        adjustment(Tax, Scope::Order, 34),
        adjustment(Shipping, Scope::Shipping, 490),
        adjustment(Discount, Scope::Shipping, -90),
        adjustment(Tax, Scope::Shipping, 76),
        adjustment(Fee, Scope::Order, 50),
        adjustment(Duty, Scope::Order, 7),
        included(Scope::Line(1), 400),
    ];
    let breakdown = apply(&mut lines, &adjustments).unwrap();
    let expected = Breakdown {
        items_minor: 4000,
        discounts_minor: -690,
        taxes_minor: 300,
        shipping_minor: 490,
        fees_minor: 60,
        duties_minor: 7,
        total_minor: 4167,
    };
    assert_eq!(breakdown, expected);
    // 2500 and 1000 are left, of which 100 are taken off: 71 and 29. 2429 and 971 are taxed with 34: 24 and 10.
    assert_eq!(payable(&lines), [2453, 1181]);
    assert_eq!((shipping(&adjustments), fees(&adjustments)), (476, 57));
}

#[test]
fn a_discount_may_leave_nothing_and_no_more() {
    let all = [adjustment(Discount, Scope::Order, -1001)];
    let mut lines = [line(2, 500), line(1, 1)];
    assert_eq!(apply(&mut lines, &all).unwrap().total_minor, 0);
    assert_eq!(payable(&lines), [0, 0]);
    for (adjustments, index) in [
        (vec![adjustment(Discount, Scope::Line(2), -2)], 0),
        (vec![adjustment(Discount, Scope::Order, -1002)], 0),
        (
            vec![
                adjustment(Discount, Scope::Line(1), -1),
                adjustment(Discount, Scope::Order, -1001),
            ],
            1,
        ),
        (
            vec![
                adjustment(Shipping, Scope::Shipping, 5),
                adjustment(Discount, Scope::Shipping, -6),
            ],
            1,
        ),
    ] {
        let refused = apply(&mut lines, &adjustments);
        assert_eq!(refused, Err(InvalidAdjustments::DiscountTooLarge(index)));
    }
}

#[test]
fn an_included_tax_is_at_most_what_it_is_included_in() {
    let mut lines = [line(1, 100), line(1, 50)];
    for (taxes, index) in [
        (vec![included(Scope::Line(1), 101)], 0),
        (vec![included(Scope::Order, 151)], 0),
        (vec![included(Scope::Shipping, 1)], 0),
        (
            vec![included(Scope::Line(1), 60), included(Scope::Line(1), 41)],
            1,
        ),
    ] {
        let refused = apply(&mut lines, &taxes);
        assert_eq!(refused, Err(InvalidAdjustments::TaxTooLarge(index)));
    }
    let taxes = [included(Scope::Line(1), 100), included(Scope::Order, 150)];
    assert_eq!(apply(&mut lines, &taxes).unwrap().total_minor, 150);
}

#[test]
fn a_total_that_is_too_large_is_refused() {
    let mut lines = [line(1, Money::MAX_MINOR)];
    assert_eq!(
        apply(&mut lines, &[]).unwrap().total_minor,
        Money::MAX_MINOR
    );
    let fee = [adjustment(Fee, Scope::Order, 1)];
    assert_eq!(apply(&mut lines, &fee), Err(InvalidAdjustments::Overflow));
    let mut lines = [line(i32::MAX, i64::MAX)];
    assert_eq!(apply(&mut lines, &[]), Err(InvalidAdjustments::Overflow));
}

fn any_adjustment() -> impl Strategy<Value = Adjustment> {
    let scope = prop_oneof![
        (1..=3_i32).prop_map(Scope::Line),
        Just(Scope::Order),
        Just(Scope::Shipping),
    ];
    let kind = prop_oneof![Just(Discount), Just(Tax), Just(Fee), Just(Duty)];
    (kind, scope, 1..2000_i64, any::<bool>()).prop_map(|(kind, scope, amount, is_included)| {
        let amount = if kind == Discount { -amount } else { amount };
        Adjustment {
            included: is_included && kind == Tax,
            ..adjustment(kind, scope, amount)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_parts_sum_to_the_total(
        prices in prop::collection::vec((1..100_i32, 1..10_000_i64), 3..10),
        charged in 0..2000_i64,
        mut adjustments in prop::collection::vec(any_adjustment(), 0..12),
    ) {
        adjustments.push(adjustment(Shipping, Scope::Shipping, charged));
        let mut lines: Vec<OrderLine> = prices.iter().map(|(q, price)| line(*q, *price)).collect();
        if let Ok(breakdown) = apply(&mut lines, &adjustments) {
            let payable = payable(&lines);
            prop_assert!(payable.iter().all(|share| *share >= 0));
            // Fees and duties with the scope of shipping are a part of shipping.
            let parts = payable.iter().sum::<i64>() + shipping(&adjustments) + fees(&adjustments);
            prop_assert_eq!(parts, breakdown.total_minor);
            let kinds = breakdown.items_minor + breakdown.discounts_minor + breakdown.taxes_minor
                + breakdown.shipping_minor + breakdown.fees_minor + breakdown.duties_minor;
            prop_assert_eq!(kinds, breakdown.total_minor);
        }
    }
}
