//! The intent's state machine, transition by transition.

use super::*;
use crate::cards;

fn id(id: &str) -> NewId {
    NewId {
        id: id.to_owned(),
        seq: 1,
        now: 1_000,
    }
}

fn intent(token: Option<&str>, capture: CaptureMethod) -> Intent {
    let method = token.map(|token| cards::from_token(token).unwrap());
    Intent::new(
        id("pi_1"),
        500,
        "eur",
        method,
        Draft {
            capture,
            ..Draft::default()
        },
    )
}

fn confirmed(token: &str, capture: CaptureMethod) -> Moved {
    let new = intent(Some(token), capture);
    assert_eq!(new.status, Status::RequiresConfirmation);
    new.confirm(None, Session::On, None, &id("ch_1")).unwrap()
}

#[test]
fn a_good_card_pays_immediately() {
    let Moved {
        intent,
        charge,
        declined,
    } = confirmed("pm_card_visa", CaptureMethod::Automatic);
    assert_eq!(
        (intent.status, intent.amount_received),
        (Status::Succeeded, 500)
    );
    assert_eq!(intent.latest_charge.as_deref(), Some("ch_1"));
    assert!(charge.unwrap().is_captured() && declined.is_none());
}

#[test]
fn manual_capture_holds_the_money_until_it_is_captured_or_released() {
    let Moved { intent, charge, .. } = confirmed("pm_card_visa", CaptureMethod::Manual);
    let charge = charge.unwrap();
    assert_eq!(
        (intent.status, intent.amount_capturable()),
        (Status::RequiresCapture, 500)
    );
    assert!(!charge.is_captured());

    let taken = intent.capture(Some(300), Some(&charge)).unwrap();
    assert_eq!(
        (taken.intent.status, taken.intent.amount_received),
        (Status::Succeeded, 300)
    );
    assert_eq!(taken.charge.unwrap().amount_captured, 300);
    assert!(intent.capture(Some(501), Some(&charge)).is_err());

    let released = intent.cancel(None, Some(&charge), 2_000).unwrap();
    assert_eq!(released.intent.status, Status::Canceled);
    assert_eq!(released.charge.unwrap().status, ChargeStatus::Failed);
}

#[test]
fn a_declined_intent_can_be_confirmed_again_with_another_card() {
    let declined = confirmed("pm_card_chargeDeclined", CaptureMethod::Automatic);
    assert_eq!(declined.intent.status, Status::RequiresPaymentMethod);
    assert_eq!(declined.declined.unwrap().code, "card_declined");
    assert_eq!(
        declined
            .intent
            .last_error
            .as_ref()
            .unwrap()
            .charge
            .as_deref(),
        Some("ch_1")
    );
    assert!(
        declined
            .intent
            .confirm(None, Session::On, None, &id("ch_2"))
            .is_err()
    );

    let other = cards::from_token("pm_card_visa");
    let paid = declined
        .intent
        .confirm(other, Session::On, None, &id("ch_2"))
        .unwrap();
    assert_eq!(
        (paid.intent.status, paid.intent.last_error),
        (Status::Succeeded, None)
    );
}

#[test]
fn a_card_that_requires_authentication_waits_or_is_declined_off_session() {
    let waiting = confirmed("pm_card_authenticationRequired", CaptureMethod::Automatic);
    assert_eq!(
        (waiting.intent.status, waiting.charge),
        (Status::RequiresAction, None)
    );
    let paid = waiting
        .intent
        .settle(Settlement::Succeeded, None, &id("ch_2"))
        .unwrap();
    assert_eq!(paid.intent.status, Status::Succeeded);
    let failed = waiting
        .intent
        .settle(Settlement::Failed, None, &id("ch_2"))
        .unwrap();
    assert_eq!(failed.intent.status, Status::RequiresPaymentMethod);

    let new = intent(
        Some("pm_card_authenticationRequired"),
        CaptureMethod::Automatic,
    );
    let declined = new.confirm(None, Session::Off, None, &id("ch_1")).unwrap();
    assert_eq!(declined.declined.unwrap().code, "authentication_required");
}

#[test]
fn a_bank_debit_is_processing_until_it_is_settled_or_cancelled() {
    let waiting = confirmed("pm_usBankAccount_processing", CaptureMethod::Automatic);
    let charge = waiting.charge.unwrap();
    assert_eq!(waiting.intent.status, Status::Processing);
    assert_eq!(charge.status, ChargeStatus::Pending);

    let paid = waiting
        .intent
        .settle(Settlement::Succeeded, Some(&charge), &id("ch_x"))
        .unwrap();
    assert_eq!(paid.intent.status, Status::Succeeded);
    assert_eq!(paid.charge.unwrap().id, "ch_1");
    let failed = waiting
        .intent
        .settle(Settlement::Failed, Some(&charge), &id("ch_x"))
        .unwrap();
    assert_eq!(failed.intent.status, Status::RequiresPaymentMethod);
    let cancelled = waiting.intent.cancel(None, Some(&charge), 2_000).unwrap();
    assert_eq!(cancelled.charge.unwrap().status, ChargeStatus::Failed);
    assert!(
        cancelled
            .intent
            .settle(Settlement::Succeeded, Some(&charge), &id("ch_x"))
            .is_err()
    );
}

#[test]
fn a_paid_or_cancelled_intent_stays_as_it_is() {
    let paid = confirmed("pm_card_visa", CaptureMethod::Automatic);
    let charge = paid.charge.as_ref();
    assert!(paid.intent.cancel(None, charge, 2_000).is_err());
    assert!(paid.intent.capture(None, charge).is_err());
    assert!(
        paid.intent
            .confirm(None, Session::On, None, &id("ch_2"))
            .is_err()
    );

    let new = intent(Some("pm_card_visa"), CaptureMethod::Automatic);
    let cancelled = new
        .cancel(Some("abandoned".to_owned()), None, 2_000)
        .unwrap()
        .intent;
    assert_eq!(cancelled.canceled_at, Some(2_000));
    assert!(
        cancelled
            .confirm(None, Session::On, None, &id("ch_2"))
            .is_err()
    );
    assert!(cancelled.cancel(None, None, 3_000).is_err());
}

#[test]
fn only_a_cancelled_intent_can_be_charged_after_cancellation_and_it_stays_cancelled() {
    let method = cards::from_token("pm_card_visa").unwrap();
    let open = intent(None, CaptureMethod::Automatic);
    assert_eq!(open.charged_though_cancelled(&method, &id("ch_1")), None);
    let cancelled = open.cancel(None, None, 2_000).unwrap().intent;
    let moved = cancelled.charged_though_cancelled(&method, &id("ch_1"));
    let Moved { intent, charge, .. } = moved.unwrap();
    assert_eq!(
        (intent.status, intent.amount_received),
        (Status::Canceled, 0)
    );
    assert_eq!(intent.latest_charge.as_deref(), Some("ch_1"));
    assert_eq!(charge.unwrap().amount_captured, 500);
}

#[test]
fn as_created_returns_the_intent_as_it_was_created_whatever_happened_later() {
    for token in ["pm_card_visa", "pm_card_chargeDeclined"] {
        let created = intent(Some(token), CaptureMethod::Automatic);
        assert_eq!(
            confirmed(token, CaptureMethod::Automatic)
                .intent
                .as_created(),
            created
        );
    }
}
