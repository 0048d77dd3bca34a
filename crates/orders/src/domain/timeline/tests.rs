//! Timelines without a database: lists are the sources.

use std::time::Duration;

use oms_fulfilment::TrackingStatus;
use oms_payments::CallEffect;
use proptest::prelude::*;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn event(
    sequence: i32,
    from: Option<OrderStatus>,
    to: OrderStatus,
    second: i64,
) -> (DateTime<Utc>, OrderEvent) {
    let event = OrderEvent {
        kind: "order.changed".to_owned(),
        data: None,
        sequence,
        from,
        to,
        actor: "api".to_owned(),
        reason: format!("reason {sequence}"),
        occurred_at: at(second),
    };
    (at(second), event)
}

fn note(status: OrderStatus) -> Happening {
    Happening::Note {
        status,
        event: None,
        data: None,
    }
}

fn call(number: u128, second: i64) -> GatewayCall {
    GatewayCall {
        id: Uuid::from_u128(number),
        order_id: Uuid::from_u128(1).into(),
        attempt_id: Uuid::from_u128(1).into(),
        attempt_number: 1,
        actor: Some("sweeper".to_owned()),
        operation: "lookup".to_owned(),
        repetition: 1,
        gateway: "fake".to_owned(),
        reference: None,
        request_id: None,
        outcome: "timed_out".to_owned(),
        effect: CallEffect::Unknown,
        duration: Duration::ZERO,
        called_at: at(second),
    }
}

fn failed_try(number: u128, second: i64) -> FailedTry {
    FailedTry {
        id: Uuid::from_u128(number),
        number: 1,
        reason: "the gateway did not answer".to_owned(),
        at: at(second),
        next_at: at(second + 1),
    }
}

fn report(number: u128, second: i64) -> TrackingEvent {
    TrackingEvent {
        id: Uuid::from_u128(number),
        shipment_id: Uuid::from_u128(1).into(),
        shipment_number: 1,
        parcel: 1,
        status: TrackingStatus::InTransit,
        detail: None,
        happened_at: at(0),
        actor: "api:ups".to_owned(),
        recorded_at: at(second),
    }
}

/// What a database finds for a page of a timeline: from the cursor on, in order, no more than needed.
fn found_in(all: &Found, after: Option<TimelineCursor>, size: PageSize) -> Found {
    let needed = Found::needed_for(size);
    let is_in = |source: Source, at: DateTime<Utc>, id: Uuid| {
        after.is_none_or(|cursor| (at, id) >= cursor.0.first_of(source))
    };
    let mut found = all.clone();
    found.events.retain(|(stands_at, event)| {
        after.is_none_or(|cursor| (*stands_at, event.sequence) >= cursor.0.first_event())
    });
    found
        .calls
        .retain(|call| is_in(Source::Calls, call.called_at, call.id));
    found
        .tries
        .retain(|failed| is_in(Source::Tries, failed.at, failed.id));
    found
        .tracking
        .retain(|report| is_in(Source::Tracking, report.recorded_at, report.id));
    found
        .tracking
        .sort_by_key(|report| (report.recorded_at, report.id));
    found.tracking.truncate(needed);
    found.calls.sort_by_key(|call| (call.called_at, call.id));
    found.tries.sort_by_key(|failed| (failed.at, failed.id));
    found.events.truncate(needed);
    found.calls.truncate(needed);
    found.tries.truncate(needed);
    found
}

/// The events of a placed order with notes. Each is no earlier than the one before.
fn events(seconds: Vec<i64>) -> Vec<(DateTime<Utc>, OrderEvent)> {
    let mut seconds = seconds;
    seconds.sort_unstable();
    let pending = OrderStatus::PendingPayment;
    let last = seconds.len();
    let event = |(number, second): (usize, i64)| {
        let sequence = i32::try_from(number).unwrap() + 1;
        match number {
            0 => event(sequence, None, pending, second),
            number if number + 1 == last => {
                event(sequence, Some(pending), OrderStatus::Failed, second)
            }
            _ => event(sequence, Some(pending), pending, second),
        }
    };
    seconds.into_iter().enumerate().map(event).collect()
}

proptest! {
    #[test]
    fn reading_page_by_page_finds_every_entry_once_and_in_order(
        seconds in prop::collection::vec(0..6_i64, 0..8),
        calls in prop::collection::vec(0..6_i64, 0..8),
        tries in prop::collection::vec(0..6_i64, 0..8),
        reports in prop::collection::vec(0..6_i64, 0..8),
        size in 1..5_u32,
    ) {
        let all = Found {
            events: events(seconds),
            calls: (1..).zip(calls).map(|(number, second)| call(number, second)).collect(),
            tries: (1..).zip(tries).map(|(number, second)| failed_try(number, second)).collect(),
            tracking: (1..).zip(reports).map(|(number, second)| report(number, second)).collect(),
        };
        let whole = all.clone().page(None, PageSize::new(100).unwrap());
        prop_assert_eq!(whole.next, None);
        prop_assert!(whole.items.is_sorted_by_key(|entry| entry.place));

        let size = PageSize::new(size).unwrap();
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = found_in(&all, after, size).page(after, size);
            prop_assert!(page.items.len() == size.get() || page.next.is_none());
            read.extend(page.items);
            let Some(next) = page.next else { break };
            prop_assert_eq!(next.to_string().parse(), Ok(next));
            after = Some(next);
        }
        prop_assert_eq!(read, whole.items);
    }
}

#[test]
fn stock_is_reserved_when_an_order_is_placed_and_released_when_it_is_not_sold() {
    use OrderStatus as S;
    let happenings = |events| {
        let found = Found {
            events,
            ..Found::default()
        };
        let page = found.page(None, PageSize::DEFAULT);
        let happenings = page.items.into_iter().map(|entry| entry.happening);
        happenings.collect::<Vec<_>>()
    };
    let transition = |from, to| Happening::Transition { from, to };
    let events = vec![
        event(1, None, S::PendingPayment, 0),
        event(2, Some(S::PendingPayment), S::Paid, 0),
        event(3, Some(S::Paid), S::Paid, 0),
        event(4, Some(S::Paid), S::Refunding, 0),
        event(5, Some(S::Refunding), S::Refunded, 0),
        event(6, Some(S::Refunded), S::Refunded, 0),
    ];
    assert_eq!(
        happenings(events),
        [
            transition(None, S::PendingPayment),
            Happening::StockReserved,
            transition(Some(S::PendingPayment), S::Paid),
            note(S::Paid),
            transition(Some(S::Paid), S::Refunding),
            transition(Some(S::Refunding), S::Refunded),
            Happening::StockReleased,
            note(S::Refunded),
        ]
    );
}

#[test]
fn every_entry_has_an_actor_and_a_reason() {
    let mut unknown = call(2, 1);
    unknown.operation = "sing".to_owned();
    unknown.actor = None;
    let found = Found {
        events: vec![event(1, None, OrderStatus::PendingPayment, 0)],
        calls: vec![call(1, 1), unknown],
        tries: vec![failed_try(1, 2)],
        tracking: vec![report(1, 3)],
    };
    let page = found.page(None, PageSize::DEFAULT);
    let told: Vec<_> = page
        .items
        .iter()
        .map(|entry| (entry.actor.as_deref(), entry.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("api"), "reason 1"),
            (Some("api"), "reason 1"),
            (Some("sweeper"), "to learn the outcome of the payment"),
            (None, "sing"),
            (Some("sweeper"), "the gateway did not answer"),
            (
                Some("api:ups"),
                "parcel 1 of shipment 1 is reported as in_transit"
            ),
        ]
    );
}

#[test]
fn other_texts_are_not_cursors() {
    let page = Found {
        calls: vec![call(1, 1), call(2, 1)],
        ..Found::default()
    }
    .page(None, PageSize::new(1).unwrap());
    let text = page.next.unwrap().to_string();
    for wrong in ["", "c", "é", &text[1..], &format!("x{}", &text[1..])] {
        assert_eq!(
            wrong.parse::<TimelineCursor>(),
            Err(InvalidCursor),
            "{wrong}"
        );
    }
}
