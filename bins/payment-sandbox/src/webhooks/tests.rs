//! What the outbox sends, in which order, and when it gives up.

use super::*;

fn outbox(faults: &[Option<WebhookAction>]) -> (Outbox, Instant) {
    let draft = r#"{"url":"http://localhost/","secret":"whsec_x","backoffMs":10,"tries":2}"#;
    let draft: EndpointDraft = serde_json::from_str(draft).unwrap();
    let mut outbox = Outbox {
        endpoint: Some(draft.endpoint().unwrap()),
        ..Outbox::default()
    };
    let now = Instant::now();
    for (seq, fault) in (1..).zip(faults) {
        outbox.put(seq, &format!("evt_{seq}"), *fault, now);
    }
    (outbox, now)
}

fn tried(outbox: &mut Outbox, seq: u64, tries: u32, status: u16, now: Instant) -> DeliveryState {
    let status = Some(status);
    let ended = Try { tries, status };
    outbox
        .tried(seq, &format!("evt_{seq}"), ended, now)
        .unwrap()
}

/// Sends everything that is due, successfully; returns the sequence numbers in the order of sending.
fn drain(outbox: &mut Outbox, now: Instant) -> Vec<u64> {
    let mut sent = Vec::new();
    while let Next::Send { seq, .. } = outbox.next(now) {
        tried(outbox, seq, 1, 200, now);
        sent.push(seq);
    }
    sent
}

#[test]
fn events_are_sent_in_order_and_nothing_is_sent_without_an_endpoint() {
    let (mut outbox, now) = outbox(&[None, None, None]);
    let endpoint = outbox.endpoint.take();
    assert_eq!(outbox.next(now), Next::Nothing);
    outbox.endpoint = endpoint;
    assert_eq!(drain(&mut outbox, now), [1, 2, 3]);
    assert_eq!((outbox.next(now), outbox.sent), (Next::Nothing, 3));
}

#[test]
fn a_failed_event_is_retried_after_a_pause_does_not_delay_others_and_is_given_up() {
    let (mut outbox, now) = outbox(&[None, None]);
    assert_eq!(tried(&mut outbox, 1, 1, 500, now), DeliveryState::Pending);
    assert_eq!(drain(&mut outbox, now), [2]);
    let later = now + Duration::from_millis(10);
    assert_eq!(outbox.next(now), Next::At(later));
    assert!(matches!(outbox.next(later), Next::Send { seq: 1, .. }));
    assert_eq!(tried(&mut outbox, 1, 2, 302, later), DeliveryState::GivenUp);
    assert_eq!(outbox.next(later), Next::Nothing);
}

#[test]
fn a_duplicate_is_sent_the_configured_number_of_times_more() {
    let (mut outbox, now) = outbox(&[Some(WebhookAction::Duplicate { times: 2 })]);
    assert_eq!(drain(&mut outbox, now), [1, 1, 1]);
}

#[test]
fn a_reordered_event_follows_the_next_and_an_early_one_comes_first() {
    let faults = [
        Some(WebhookAction::Reorder),
        None,
        Some(WebhookAction::Early),
    ];
    let (mut outbox, now) = outbox(&faults[..2]);
    assert_eq!(drain(&mut outbox, now), [2, 1]);
    let (mut outbox, now) = self::outbox(&[None, faults[2]]);
    assert!(outbox.has_early(&[1, 2]));
    assert!(matches!(outbox.next(now), Next::Send { seq: 2, .. }));
    tried(&mut outbox, 2, 1, 500, now);
    assert!(!outbox.has_early(&[1, 2]), "a call waits for only one try");
}

#[test]
fn a_held_event_waits_for_its_release_and_a_delayed_one_for_its_time() {
    let faults = [
        Some(WebhookAction::Hold),
        Some(WebhookAction::Reorder),
        Some(WebhookAction::Delay { ms: 5 }),
        Some(WebhookAction::Drop),
    ];
    let (mut outbox, now) = outbox(&faults);
    let later = now + Duration::from_millis(5);
    assert_eq!(outbox.next(now), Next::At(later));
    assert_eq!(drain(&mut outbox, later), [3, 2]);
    outbox.release();
    assert_eq!(drain(&mut outbox, later), [1]);
}

#[test]
fn a_forgery_is_sent_once_whatever_the_answer() {
    let faults = [Some(WebhookAction::Forge), Some(WebhookAction::Stale)];
    let (mut outbox, now) = outbox(&faults);
    for (seq, signing) in [(1, Signing::Wrong), (2, Signing::Stale)] {
        assert_eq!(outbox.next(now), Next::Send { seq, signing });
        assert_eq!(tried(&mut outbox, seq, 1, 400, now), DeliveryState::GivenUp);
    }
}

#[test]
fn a_try_of_a_removed_event_changes_nothing() {
    let (mut outbox, now) = outbox(&[None]);
    let ended = Try {
        tries: 1,
        status: Some(200),
    };
    assert_eq!(outbox.tried(1, "evt_of_before", ended, now), None);
    assert_eq!(drain(&mut outbox, now), [1]);
}
