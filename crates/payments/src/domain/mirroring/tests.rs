//! All changes that a gateway's list may make, case by case.

use chrono::DateTime;
use oms_validation::{Currency, OrderId};

use super::*;
use crate::{Asked, AttemptId, Reference, RefundId};

fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

fn failed() -> ListedState {
    ListedState::Failed(RefundFailure::new("expired_or_canceled_card"))
}

fn row(amount: i64, state: RefundState, actor: RefundActor, name: Option<&str>) -> Refund {
    Refund {
        id: RefundId::generate(),
        order_id: OrderId::generate(),
        attempt_id: AttemptId::generate(),
        number: 1,
        amount: usd(amount),
        left: usd(0),
        state,
        actor,
        requested_by: None,
        idempotency_key: None,
        reason: None,
        reference: name.map(|name| Reference::parse(name).unwrap()),
        failure_code: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        asked: Asked::Perhaps,
    }
}

fn listed(name: &str, amount: i64, state: ListedState) -> ListedRefund {
    ListedRefund {
        reference: Reference::parse(name).unwrap(),
        refund_id: None,
        actor: RefundActor::Gateway,
        amount: usd(amount),
        state,
    }
}

fn lost(name: &str, amount: i64) -> ListedRefund {
    ListedRefund {
        actor: RefundActor::Dispute,
        ..listed(name, amount, ListedState::Refunded)
    }
}

#[test]
fn a_refund_made_elsewhere_is_booked_once() {
    let elsewhere = listed("re_1", 300, ListedState::Refunded);
    let first = Mirroring::of(usd(1000), &[], std::slice::from_ref(&elsewhere));
    assert_eq!(first.new, std::slice::from_ref(&elsewhere));
    let booked = row(
        300,
        RefundState::Refunded,
        RefundActor::Gateway,
        Some("re_1"),
    );
    let second = Mirroring::of(usd(1000), &[booked], &[elsewhere]);
    assert!(second.is_empty() && !second.deferred);
}

#[test]
fn our_own_refund_is_recognised_by_our_id_even_if_its_answer_never_arrived() {
    for state in [RefundState::Pending, RefundState::Refunded] {
        let ours = row(300, state, RefundActor::Oms, None);
        let same = ListedRefund {
            refund_id: Some(ours.id),
            ..listed("re_1", 300, ListedState::Refunded)
        };
        let mirroring = Mirroring::of(usd(1000), &[ours], &[same]);
        assert!(mirroring.is_empty() && !mirroring.deferred, "{state}");
    }
}

#[test]
fn a_refund_that_does_not_fit_beside_ours_in_flight_is_deferred() {
    let ours = row(1000, RefundState::Pending, RefundActor::Oms, None);
    let elsewhere = [listed("re_1", 300, ListedState::Refunded)];
    let mirroring = Mirroring::of(usd(1000), &[ours], &elsewhere);
    assert!(mirroring.is_empty() && mirroring.deferred);
    let refused = row(1000, RefundState::Failed, RefundActor::Oms, None);
    assert_eq!(
        Mirroring::of(usd(1000), &[refused], &elsewhere).new,
        elsewhere
    );
}

#[test]
fn a_refund_that_fails_later_makes_room_for_another() {
    let done = row(1000, RefundState::Refunded, RefundActor::Oms, Some("re_1"));
    let again = listed("re_2", 1000, ListedState::Refunded);
    let newest_first = [again.clone(), listed("re_1", 1000, failed())];
    let mirroring = Mirroring::of(usd(1000), &[done], &newest_first);
    assert_eq!(mirroring.moved[0].to, RefundState::Failed);
    assert_eq!(mirroring.new, [again]);
}

#[test]
fn a_refund_that_failed_at_the_gateway_stays_failed_but_one_that_we_recorded_as_failed_may_succeed()
{
    let said = [listed("re_1", 300, ListedState::Refunded)];
    let dead = row(300, RefundState::Failed, RefundActor::Oms, Some("re_1"));
    assert!(Mirroring::of(usd(1000), &[dead], &said).is_empty());

    let refused = row(300, RefundState::Failed, RefundActor::Oms, None);
    let carried_out = ListedRefund {
        refund_id: Some(refused.id),
        ..said[0].clone()
    };
    let mirroring = Mirroring::of(usd(1000), &[refused], &[carried_out]);
    assert_eq!(mirroring.moved[0].to, RefundState::Refunded);
}

#[test]
fn a_lost_dispute_takes_the_remainder_and_a_won_one_takes_nothing() {
    let part = row(300, RefundState::Refunded, RefundActor::Oms, Some("re_1"));
    let mirroring = Mirroring::of(usd(1000), &[part], &[lost("du_1", 1000)]);
    assert_eq!(mirroring.new, [lost("du_1", 700)]);
    let won = ListedRefund {
        state: failed(),
        ..lost("du_1", 1000)
    };
    assert!(Mirroring::of(usd(1000), &[], std::slice::from_ref(&won)).is_empty());
    let taken = row(
        1000,
        RefundState::Refunded,
        RefundActor::Dispute,
        Some("du_1"),
    );
    let mirroring = Mirroring::of(usd(1000), &[taken], &[won]);
    assert_eq!(mirroring.moved[0].to, RefundState::Failed);
}

#[test]
fn a_refund_that_exceeds_the_captured_amount_or_has_another_currency_is_not_booked() {
    let too_much = [listed("re_1", 1001, ListedState::Refunded)];
    assert!(Mirroring::of(usd(1000), &[], &too_much).is_empty());
    let mut in_euro = listed("re_1", 10, ListedState::Refunded);
    in_euro.amount.currency = Currency::parse("EUR").unwrap();
    assert!(Mirroring::of(usd(1000), &[], &[in_euro]).is_empty());
}
