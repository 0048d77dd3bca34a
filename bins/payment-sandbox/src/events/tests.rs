//! Which events a change causes, and in which order.

use super::*;
use crate::{
    cards,
    charges::NewId,
    intents::{CaptureMethod, Draft, Moved, Session},
    refunds::{self, RefundOrder},
};

fn id(id: &str) -> NewId {
    NewId {
        id: id.to_owned(),
        seq: 1,
        now: 1_000,
    }
}

fn intent(token: &str, capture: CaptureMethod) -> Intent {
    let draft = Draft {
        capture,
        ..Draft::default()
    };
    Intent::new(id("pi_1"), 500, "eur", cards::from_token(token), draft)
}

fn confirmed(intent: &Intent) -> Change {
    change(
        intent
            .confirm(None, Session::On, None, &id("ch_1"))
            .unwrap(),
    )
}

fn change(moved: Moved) -> Change {
    Change {
        intent: Some(moved.intent),
        charge: moved.charge,
        ..Change::default()
    }
}

fn kinds(before: Option<&Intent>, change: &Change) -> Vec<&'static str> {
    let before = Before {
        intent: before,
        ..Before::default()
    };
    let found = occurrences(before, change);
    found.iter().map(|found| found.kind.name()).collect()
}

#[test]
fn a_payment_in_one_call_first_reports_the_creation_as_it_was_then() {
    let change = confirmed(&intent("pm_card_visa", CaptureMethod::Automatic));
    let expected = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ];
    assert_eq!(kinds(None, &change), expected);
    let found = occurrences(Before::default(), &change);
    assert_eq!(found[0].snapshot["status"], "requires_confirmation");
    assert_eq!(found[1].object_id, "ch_1");
    assert_eq!(found[2].snapshot["status"], "succeeded");
}

#[test]
fn each_outcome_of_a_confirmation_has_its_event() {
    for (token, expected) in [
        ("pm_card_chargeDeclined", "payment_intent.payment_failed"),
        ("pm_usBankAccount_processing", "payment_intent.processing"),
        (
            "pm_card_authenticationRequired",
            "payment_intent.requires_action",
        ),
    ] {
        let before = intent(token, CaptureMethod::Automatic);
        assert_eq!(kinds(Some(&before), &confirmed(&before)), [expected]);
    }
}

#[test]
fn a_second_decline_is_reported_again() {
    let failed = confirmed(&intent("pm_card_chargeDeclined", CaptureMethod::Automatic));
    let failed = failed.intent.unwrap();
    let method = cards::from_token("pm_card_chargeDeclined");
    let again = failed.confirm(method, Session::On, None, &id("ch_2"));
    let expected = ["payment_intent.payment_failed"];
    assert_eq!(kinds(Some(&failed), &change(again.unwrap())), expected);
}

#[test]
fn an_authorisation_marks_the_charge_as_succeeded_and_a_capture_marks_the_intent() {
    let before = intent("pm_card_visa", CaptureMethod::Manual);
    let held = confirmed(&before);
    let expected = [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
    ];
    assert_eq!(kinds(Some(&before), &held), expected);
    let (before, charge) = (held.intent.unwrap(), held.charge.unwrap());
    let taken = change(before.capture(None, Some(&charge)).unwrap());
    assert_eq!(kinds(Some(&before), &taken), ["payment_intent.succeeded"]);
    let let_go = change(before.cancel(None, Some(&charge), 1).unwrap());
    assert_eq!(kinds(Some(&before), &let_go), ["payment_intent.canceled"]);
}

#[test]
fn a_refund_causes_events_of_the_refund_and_of_the_charge() {
    let paid = confirmed(&intent("pm_card_visa", CaptureMethod::Automatic));
    let order = RefundOrder {
        amount: Some(1),
        reason: None,
        metadata: Draft::default().metadata,
    };
    let refunded = refunds::refund(&paid.charge.unwrap(), &order, &id("re_1"));
    let (charge, refund) = refunded.unwrap();
    let change = Change {
        charge: Some(charge),
        refund: Some(refund),
        ..Change::default()
    };
    let expected = ["refund.created", "charge.refunded"];
    assert_eq!(kinds(paid.intent.as_ref(), &change), expected);
}

#[test]
fn charging_a_cancelled_intent_reports_only_the_charge() {
    let before = intent("pm_card_visa", CaptureMethod::Automatic);
    let before = before.cancel(None, None, 1).unwrap().intent;
    let method = before.method.clone().unwrap();
    let late = before.charged_though_cancelled(&method, &id("ch_1"));
    let late = change(late.unwrap());
    assert_eq!(kinds(Some(&before), &late), ["charge.succeeded"]);
}
