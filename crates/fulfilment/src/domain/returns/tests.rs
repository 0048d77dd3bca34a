//! Returns, one by one and at random.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::order_status::{OrderReturnStatus, occupied, return_status};
use super::*;

pub(crate) fn requested(quantities: &[i32]) -> Return {
    let at = DateTime::from_timestamp(1_764_417_600, 0).unwrap();
    let line = |(number, quantity): (i32, &i32)| ReturnLine {
        number,
        product_id: Uuid::from_u128(7).into(),
        quantity: *quantity,
        reason: ReturnReason::Unwanted,
        restocked: 0,
        quarantined: 0,
        discarded: 0,
        missing: 0,
        accepted: 0,
    };
    Return {
        id: Uuid::from_u128(1).into(),
        order_id: Uuid::from_u128(2).into(),
        number: 1,
        status: ReturnStatus::Requested,
        version: 1,
        warehouse_id: None,
        requested_by: RequestedBy::Customer,
        note: None,
        override_reason: None,
        decision_reason: None,
        terms: json!({}),
        requested_at: at,
        updated_at: at,
        expires_at: None,
        closed_at: None,
        lines: (1..).zip(quantities).map(line).collect(),
        receipts: Vec::new(),
    }
}

fn warehouse(number: u128) -> WarehouseId {
    Uuid::from_u128(number).into()
}

fn approved(quantities: &[i32], accepted: Acceptance) -> Return {
    let mut it = requested(quantities);
    let until = DateTime::UNIX_EPOCH;
    assert_eq!(it.approve(warehouse(1), until, accepted), Ok(true));
    it
}

fn restock(units: &[(i32, i32)]) -> BTreeMap<i32, Received> {
    let of = |(line, restock): &(i32, i32)| {
        let received = Received {
            restock: *restock,
            ..Received::default()
        };
        (*line, received)
    };
    units.iter().map(of).collect()
}

#[test]
fn only_the_listed_changes_of_status_are_allowed() {
    use ReturnStatus::{Approved, Cancelled, Closed, Declined, Received as Arrived, Requested};
    let wrong = |status| Err(ReturnRefusal::WrongStatus(status));
    for status in [Requested, Approved, Declined, Arrived, Closed, Cancelled] {
        let with = || Return {
            status,
            warehouse_id: Some(warehouse(1)),
            ..requested(&[1])
        };
        let approve =
            |id| with().approve(warehouse(id), DateTime::UNIX_EPOCH, Acceptance::Received);
        let expected = match status {
            Requested => Ok(true),
            Approved => Ok(false),
            other => wrong(other),
        };
        assert_eq!(approve(1), expected, "{status}");
        let elsewhere = match status {
            Requested => Ok(true),
            other => wrong(other),
        };
        assert_eq!(approve(2), elsewhere, "{status}");
        let expected = match status {
            Requested => Ok(true),
            Declined => Ok(false),
            other => wrong(other),
        };
        assert_eq!(with().decline(), expected, "{status}");
        let expected = match status {
            Requested | Approved => Ok(true),
            Cancelled => Ok(false),
            other => wrong(other),
        };
        assert_eq!(with().cancel(), expected, "{status}");
        let expected = match status {
            Approved | Arrived => Ok(true),
            Closed => Ok(false),
            other => wrong(other),
        };
        assert_eq!(with().close(Remainder::Missing), expected, "{status}");
        let expected = match status {
            Approved | Arrived => Ok(()),
            other => Err(ReturnRefusal::WrongStatus(other)),
        };
        assert_eq!(with().receive(&restock(&[(1, 1)])), expected, "{status}");
    }
}

#[test]
fn a_return_is_closed_once_every_unit_is_accounted_for() {
    let mut it = approved(&[3, 1], Acceptance::Received);
    it.receive(&restock(&[(1, 2)])).unwrap();
    assert_eq!((it.status, it.received()), (ReturnStatus::Received, 2));
    let too_many = it.clone().receive(&restock(&[(1, 2)]));
    let refused = ReturnRefusal::MoreThanApproved {
        line: 1,
        wanted: 2,
        expected: 1,
    };
    assert_eq!(too_many, Err(refused));
    let unknown = it.clone().receive(&restock(&[(3, 1)]));
    assert_eq!(unknown, Err(ReturnRefusal::UnknownLine { line: 3 }));
    let rest = Received {
        quarantine: 1,
        ..Received::default()
    };
    let missing = Received {
        missing: 1,
        ..Received::default()
    };
    it.receive(&BTreeMap::from([(1, rest), (2, missing)]))
        .unwrap();
    assert_eq!(it.status, ReturnStatus::Closed);
    // The missing unit may be returned once more.
    assert_eq!(occupied(&[it]), BTreeMap::from([(1, 3), (2, 0)]));
}

#[test]
fn units_that_did_not_come_back_are_missing_or_kept() {
    let mut it = approved(&[3], Acceptance::Received);
    it.receive(&restock(&[(1, 1)])).unwrap();
    let mut kept = it.clone();
    it.close(Remainder::Missing).unwrap();
    assert_eq!((it.lines[0].missing, it.lines[0].accepted), (2, 1));
    kept.close(Remainder::Kept).unwrap();
    assert_eq!((kept.lines[0].missing, kept.lines[0].accepted), (0, 3));
    assert_eq!(occupied(&[it]), BTreeMap::from([(1, 1)]));
    assert_eq!(occupied(&[kept]), BTreeMap::from([(1, 3)]));
}

#[test]
fn units_that_are_accepted_on_approval_are_not_accepted_twice() {
    let mut it = approved(&[2], Acceptance::Approved);
    assert_eq!(it.lines[0].accepted, 2);
    assert_eq!(it.clone().cancel(), Err(ReturnRefusal::Accepted));
    it.receive(&restock(&[(1, 1)])).unwrap();
    assert_eq!(it.lines[0].accepted, 2);
    it.close(Remainder::Missing).unwrap();
    assert_eq!((it.lines[0].accepted, it.lines[0].missing), (2, 0));
    assert_eq!(occupied(&[it]), BTreeMap::from([(1, 2)]));
}

#[test]
fn a_closed_return_receives_what_was_credited_and_nothing_else() {
    let mut it = approved(&[3, 1], Acceptance::Received);
    it.receive(&restock(&[(1, 1)])).unwrap();
    it.close(Remainder::Kept).unwrap();
    let missing = Received {
        missing: 1,
        ..Received::default()
    };
    let refused = it.receive(&BTreeMap::from([(1, missing)]));
    let expected = ReturnRefusal::MoreThanApproved {
        line: 1,
        wanted: 1,
        expected: 0,
    };
    assert_eq!(refused, Err(expected));
    let before = occupied(std::slice::from_ref(&it));
    it.receive(&restock(&[(1, 2)])).unwrap();
    assert_eq!((it.status, it.received()), (ReturnStatus::Closed, 3));
    assert!(it.receive(&restock(&[(1, 1)])).is_err());
    it.receive(&restock(&[(2, 1)])).unwrap();
    let closed = Err(ReturnRefusal::WrongStatus(ReturnStatus::Closed));
    assert_eq!(it.receive(&restock(&[(2, 1)])), closed);
    assert_eq!(occupied(&[it]), before);
    let mut lost = approved(&[1], Acceptance::Received);
    lost.close(Remainder::Missing).unwrap();
    assert_eq!(lost.receive(&restock(&[(1, 1)])), closed);
}

#[test]
fn a_return_has_a_limited_number_of_receipts() {
    let mut it = approved(&[200], Acceptance::Received);
    let receipt = Receipt {
        id: ReceiptId::generate(),
        warehouse_id: warehouse(1),
        lines: restock(&[(1, 1)]),
        actor: "x".to_owned(),
        received_at: DateTime::UNIX_EPOCH,
    };
    it.receipts = vec![receipt; MAX_RECEIPTS];
    let refused = it.receive(&restock(&[(1, 1)]));
    assert_eq!(refused, Err(ReturnRefusal::TooManyReceipts));
}

#[test]
fn the_status_of_an_order_follows_from_units() {
    use OrderReturnStatus::{InProgress, None, PartiallyReturned, Requested, Returned};
    let with = |status| Return {
        status,
        ..requested(&[2])
    };
    let received = |units, status| {
        let mut it = with(status);
        it.lines[0].restocked = units;
        it.lines[0].accepted = units;
        it
    };
    for (returns, expected) in [
        (vec![], None),
        (vec![with(ReturnStatus::Declined)], None),
        (vec![with(ReturnStatus::Cancelled)], None),
        (vec![with(ReturnStatus::Requested)], Requested),
        (vec![with(ReturnStatus::Approved)], InProgress),
        (vec![received(1, ReturnStatus::Received)], InProgress),
        (vec![received(1, ReturnStatus::Closed)], PartiallyReturned),
        (vec![with(ReturnStatus::Closed)], None),
        (
            vec![
                received(2, ReturnStatus::Closed),
                with(ReturnStatus::Requested),
            ],
            Requested,
        ),
        (
            vec![
                received(2, ReturnStatus::Closed),
                received(1, ReturnStatus::Closed),
            ],
            Returned,
        ),
    ] {
        assert_eq!(return_status(&returns, 3), expected, "{returns:?}");
    }
}

proptest! {
    #[test]
    fn units_add_up_whatever_arrives(
        quantity in 1..50_i32,
        on_approval in any::<bool>(),
        kept in any::<bool>(),
        receipts in prop::collection::vec((0..9_i32, 0..9_i32, 0..9_i32, 0..9_i32), 0..8),
    ) {
        let accepted = if on_approval { Acceptance::Approved } else { Acceptance::Received };
        let mut it = approved(&[quantity], accepted);
        for (restock, quarantine, discard, missing) in receipts {
            let units = Received { restock, quarantine, discard, missing };
            let before = it.clone();
            if it.receive(&BTreeMap::from([(1, units)])).is_err() {
                prop_assert!(it == before);
            }
            let line = it.lines[0];
            prop_assert!(line.received() + line.missing <= quantity);
            prop_assert!(line.received() <= line.accepted && line.accepted <= quantity);
        }
        let remainder = if kept { Remainder::Kept } else { Remainder::Missing };
        if it.is_open() {
            it.close(remainder).unwrap();
        }
        let line = it.lines[0];
        prop_assert!(line.received() <= line.accepted && line.accepted <= quantity);
        prop_assert!(line.received() + line.missing <= quantity);
        prop_assert!(it.occupied(&line) == line.accepted);
    }
}
