//! Webhooks: what is sent, signed, repeated and kept, and the effect of the fault plan.

use std::{pin::pin, time::SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    receiver::{Delivery, Receiver, SECRET},
    sandbox::Sandbox,
};

const CREATE: &str = "/v1/payment_intents";
const PAY: &[(&str, &str)] = &[
    ("amount", "1200"),
    ("currency", "eur"),
    ("metadata[order_id]", "o1"),
    ("payment_method", "pm_card_visa"),
    ("confirm", "true"),
];
const KINDS: [&str; 3] = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
];

/// Whether the endpoint's secret signed it, and how many seconds ago.
fn verified(delivery: &Delivery) -> (bool, u64) {
    let (timestamp, digest) = delivery.signature().split_once(",v1=").unwrap();
    let timestamp = timestamp.strip_prefix("t=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{}", delivery.text).as_bytes());
    let genuine = mac.verify_slice(&hex::decode(digest).unwrap()).is_ok();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    (genuine, now - timestamp.parse::<u64>().unwrap())
}

async fn log(sandbox: &Sandbox) -> Vec<Value> {
    let log = sandbox.get("/_sandbox/webhooks").await.body;
    log["deliveries"].as_array().unwrap().clone()
}

/// Waits until this many deliveries are in this state.
async fn settled(sandbox: &Sandbox, state: &str, number: usize) {
    let in_state = |log: &[Value]| log.iter().filter(|of| of["state"] == state).count();
    while in_state(&log(sandbox).await) < number {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_payment_is_reported_in_order_in_stripes_format_with_a_valid_signature() {
    let sandbox = Sandbox::start();
    let mut receiver = Receiver::of(&sandbox).await;
    let paid = sandbox.post_keyed("k", CREATE, PAY).await;
    let mut told = Vec::new();
    for kind in KINDS {
        let delivery = receiver.accept().await;
        assert_eq!(delivery.kind(), kind);
        let (genuine, age) = verified(&delivery);
        assert!(genuine && age < 300);
        told.push(delivery);
    }
    let event = &told[2].event;
    assert_eq!(event["data"]["object"], paid.body);
    assert_eq!(event["object"], "event");
    assert_eq!(event["pending_webhooks"], 1);
    assert_eq!(event["livemode"], false);
    assert_eq!(event["request"]["idempotency_key"], "k");
    let request_id = event["request"]["id"].as_str().unwrap();
    assert!(request_id.starts_with("req_") && told[2].id().starts_with("evt_"));
    assert!(event["api_version"].is_string() && event["created"].is_i64());

    settled(&sandbox, "delivered", 3).await;
    let newest = log(&sandbox).await.remove(2);
    let expected = json!({
        "eventId": told[2].id(), "type": KINDS[2], "objectId": paid.id(), "orderId": "o1",
        "state": "delivered", "tries": 1, "lastStatus": 200,
    });
    assert_eq!(newest, expected);
    let numbers = &sandbox.get("/_sandbox/stats").await.body["webhooks"];
    assert_eq!(
        (&numbers["sent"], &numbers["delivered"]),
        (&json!(3), &json!(3))
    );
}

#[tokio::test]
async fn a_replayed_call_causes_no_second_event() {
    let sandbox = Sandbox::start();
    sandbox.post_keyed("k", CREATE, PAY).await;
    assert!(sandbox.post_keyed("k", CREATE, PAY).await.replayed);
    assert_eq!(log(&sandbox).await.len(), 3);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_with_a_new_signature_until_it_is_given_up() {
    let sandbox = Sandbox::start();
    let mut receiver = Receiver::of(&sandbox).await;
    let intent = sandbox.intent(&[]).await;
    let mut texts = Vec::new();
    for status in [500, 404, 302] {
        let delivery = receiver.next().await;
        assert!(verified(&delivery).0);
        receiver.answer(status);
        texts.push(delivery.text);
    }
    assert!(texts.iter().all(|text| *text == texts[0]));
    settled(&sandbox, "given_up", 1).await;
    let log = log(&sandbox).await;
    assert_eq!(
        (&log[0]["tries"], &log[0]["lastStatus"]),
        (&json!(3), &json!(302))
    );
    assert_eq!(log[0]["objectId"], intent.id());
}

#[tokio::test]
async fn undelivered_events_are_delivered_after_a_restart() {
    let mut sandbox = Sandbox::start();
    let mut receiver = Receiver::of(&sandbox).await;
    sandbox.post(CREATE, PAY).await;
    assert_eq!(receiver.accept_kinds(1).await, KINDS[..1]);
    settled(&sandbox, "delivered", 1).await;
    // The second event was sent, but never answered.
    receiver.next().await;
    sandbox.kill_and_restart();
    receiver.answer(200);
    receiver.attach(&sandbox).await;
    assert_eq!(receiver.accept_kinds(2).await, KINDS[1..]);
    settled(&sandbox, "delivered", 3).await;
}

#[tokio::test]
async fn the_command_line_can_name_an_endpoint() {
    let mut receiver = Receiver::start();
    let url = receiver.url.clone();
    let sandbox = Sandbox::start_with(&["--webhook-url", &url, "--webhook-secret", SECRET]);
    sandbox.intent(&[]).await;
    assert!(verified(&receiver.accept().await).0);
    sandbox.control("reset", "").await;
    sandbox.intent(&[]).await;
    assert_eq!(receiver.accept_kinds(1).await, KINDS[..1]);
}

#[tokio::test]
async fn events_are_kept_and_listed_without_an_endpoint() {
    let sandbox = Sandbox::start();
    sandbox.post(CREATE, PAY).await;
    let all = sandbox.get("/v1/events?limit=2").await.body;
    let listed = all["data"].as_array().unwrap();
    assert_eq!(
        (&listed[0]["type"], &listed[1]["type"]),
        (&json!(KINDS[2]), &json!(KINDS[1]))
    );
    assert_eq!(
        (&all["has_more"], &all["url"]),
        (&json!(true), &json!("/v1/events"))
    );
    assert_eq!(listed[0]["pending_webhooks"], 0);
    let path = format!("/v1/events/{}", listed[1]["id"].as_str().unwrap());
    assert_eq!(sandbox.get(&path).await.body, listed[1]);
    for (filter, number) in [
        ("type=charge.succeeded", 1),
        ("type=payment_intent.*", 2),
        ("types[]=charge.succeeded&types[]=payment_intent.created", 2),
        ("created[lt]=1000", 0),
    ] {
        let found = sandbox.get(&format!("/v1/events?{filter}")).await.body;
        assert_eq!(found["data"].as_array().unwrap().len(), number, "{filter}");
    }
    assert_eq!(log(&sandbox).await[0]["state"], "unaddressed");
    assert_eq!(sandbox.get("/v1/events/evt_0").await.status, 404);
}

#[tokio::test]
async fn a_removed_endpoint_gets_no_more_events() {
    let sandbox = Sandbox::start();
    let receiver = Receiver::of(&sandbox).await;
    let url = format!("{}/_sandbox/webhooks", sandbox.url);
    let removed = sandbox.client.delete(url).send().await.unwrap();
    assert_eq!(removed.status(), 200);
    sandbox.intent(&[]).await;
    assert_eq!(log(&sandbox).await[0]["state"], "unaddressed");
    receiver.attach(&sandbox).await;
    let bad = r#"{"url":"nowhere","secret":"whsec_x"}"#;
    assert_eq!(sandbox.control("webhooks", bad).await.status, 400);
}

async fn under(action: &str, kind: &str) -> (Sandbox, Receiver) {
    let sandbox = Sandbox::start();
    let receiver = Receiver::of(&sandbox).await;
    let rule = format!(r#""operation":"webhook","eventType":"{kind}","action":{{{action}}}"#);
    sandbox.fault(&rule).await;
    (sandbox, receiver)
}

#[tokio::test]
async fn a_duplicated_event_arrives_again_with_the_same_id() {
    let (sandbox, mut receiver) = under(r#""type":"duplicate","times":1"#, KINDS[0]).await;
    sandbox.intent(&[]).await;
    let first = receiver.accept().await;
    assert_eq!(receiver.accept().await.text, first.text);
    settled(&sandbox, "delivered", 1).await;
}

#[tokio::test]
async fn an_early_event_arrives_before_the_answer_of_its_call() {
    let (sandbox, mut receiver) = under(r#""type":"early""#, KINDS[2]).await;
    let mut call = pin!(sandbox.post(CREATE, PAY));
    let early = tokio::select! {
        answer = &mut call => panic!("answered first: {answer:?}"),
        delivery = receiver.next() => delivery,
    };
    assert_eq!(early.kind(), KINDS[2]);
    let intent = format!(
        "{CREATE}/{}",
        early.event["data"]["object"]["id"].as_str().unwrap()
    );
    assert_eq!(sandbox.get(&intent).await.body["status"], "succeeded");
    receiver.answer(500);
    assert_eq!(call.await.body["status"], "succeeded");
}

#[tokio::test]
async fn a_reordered_event_arrives_after_the_next() {
    let (sandbox, mut receiver) = under(r#""type":"reorder""#, KINDS[1]).await;
    sandbox.post(CREATE, PAY).await;
    let expected = [KINDS[0], KINDS[2], KINDS[1]];
    assert_eq!(receiver.accept_kinds(3).await, expected);
}

#[tokio::test]
async fn a_held_event_arrives_after_the_plan_is_deleted_and_a_delayed_one_by_itself() {
    for action in [r#""type":"hold""#, r#""type":"delay","ms":20"#] {
        let (sandbox, mut receiver) = under(action, KINDS[0]).await;
        sandbox.post(CREATE, PAY).await;
        let expected = [KINDS[1], KINDS[2], KINDS[0]];
        if action.contains("hold") {
            assert_eq!(receiver.accept_kinds(2).await, expected[..2]);
            sandbox.clear_faults().await;
            assert_eq!(receiver.accept_kinds(1).await, expected[2..]);
        } else {
            let mut kinds = receiver.accept_kinds(3).await;
            kinds.sort();
            assert_eq!(kinds, [KINDS[1], KINDS[0], KINDS[2]]);
        }
    }
}

#[tokio::test]
async fn a_dropped_event_never_arrives_but_can_be_listed() {
    let (sandbox, mut receiver) = under(r#""type":"drop""#, KINDS[1]).await;
    sandbox.post(CREATE, PAY).await;
    assert_eq!(receiver.accept_kinds(2).await, [KINDS[0], KINDS[2]]);
    assert_eq!(log(&sandbox).await[1]["state"], "dropped");
    let listed = sandbox.get("/v1/events?type=charge.succeeded").await.body;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_forged_and_a_stale_event_arrive_once() {
    for (action, expected) in [("forge", (false, false)), ("stale", (true, true))] {
        let (sandbox, mut receiver) = under(&format!(r#""type":"{action}""#), KINDS[0]).await;
        sandbox.intent(&[]).await;
        let delivery = receiver.next().await;
        let (genuine, age) = verified(&delivery);
        assert_eq!((genuine, age > 300), expected, "{action}");
        receiver.answer(400);
        settled(&sandbox, "given_up", 1).await;
        assert_eq!(log(&sandbox).await[0]["tries"], 1);
    }
}

#[tokio::test]
async fn any_event_can_be_sent_by_hand() {
    let sandbox = Sandbox::start();
    let made = r#"{"event":{"id":"evt_x","type":"account.updated"},"signature":"stale"}"#;
    assert_eq!(sandbox.control("webhooks/send", made).await.status, 400);
    let mut receiver = Receiver::of(&sandbox).await;
    let send = sandbox.control("webhooks/send", made);
    let arrive = async {
        let delivery = receiver.next().await;
        receiver.answer(400);
        assert!(verified(&delivery).1 > 300);
        assert_eq!(delivery.id(), "evt_x");
    };
    let (sent, ()) = tokio::join!(send, arrive);
    assert_eq!(sent.body, json!({ "status": 400 }));

    sandbox.intent(&[]).await;
    let first = receiver.accept().await;
    let again = format!(r#"{{"eventId":"{}"}}"#, first.id());
    let (sent, second) = tokio::join!(sandbox.control("webhooks/send", &again), receiver.accept());
    assert_eq!(sent.body, json!({ "status": 200 }));
    assert!(verified(&second).0 && second.id() == first.id());
    for bad in ["{}", r#"{"eventId":"evt_0"}"#] {
        assert!(sandbox.control("webhooks/send", bad).await.status >= 400);
    }
}
