//! Requests of strangers: their cost before the sender is known.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use crate::keys::PRODUCTION;
use crate::raw::{RawConnection, status};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

/// The maximum size of an event, and more than most limits.
const LARGE: usize = 256 * 1024;

/// Maximum memory that 300 strangers together may cost.
const MOST_KB: u64 = 48 * 1024;

/// The peak memory of a process so far, in KiB.
pub fn peak_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.parse().unwrap()
}

/// The head of a webhook with a body of this length. `headers` are complete lines.
fn webhook(headers: &str, length: usize) -> String {
    format!(
        "POST /webhooks/stripe HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         {headers}content-length: {length}\r\n\r\n"
    )
}

/// A current, well-formed signature that was made without the secret.
pub fn forged_signature() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    signature_at(now.as_secs())
}

fn signature_at(time: u64) -> String {
    format!("t={time},v1={}", "0".repeat(64))
}

fn signed(signature: &str) -> String {
    format!("stripe-signature: {signature}\r\n")
}

#[tokio::test]
async fn a_webhook_that_cannot_be_genuine_is_refused_before_its_body_is_sent() {
    let shop = Shop::open().await;
    let twice = signed(&forged_signature()).repeat(2);
    for signature in [
        String::new(),
        signed(""),
        signed("nonsense"),
        signed(&signature_at(1)),
        twice,
    ] {
        for framing in [webhook(&signature, LARGE), webhook(&signature, usize::MAX)] {
            let mut connection = RawConnection::open(&shop.api.url).await;
            connection.send(framing.as_bytes()).await;
            let answer = connection.answer().await;
            assert_eq!(status(&answer), 400, "{answer}");
            assert!(answer.contains("payments.invalid_signature"), "{answer}");
        }
    }
}

#[tokio::test]
async fn strangers_without_a_signature_use_neither_memory_nor_places() {
    let shop = Shop::open_with(&[
        ("OMS_MAX_IN_FLIGHT", "2"),
        ("OMS_MAX_WEBHOOKS_IN_FLIGHT", "2"),
    ])
    .await;
    shop.place_new(&small_order()).await.assert_created();
    let before = peak_kb(shop.api.process.id());
    // The last byte is missing, so the body never ends.
    let request = webhook("", LARGE) + &" ".repeat(LARGE - 1);
    let strangers = (0..300).map(async |_| {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(request.as_bytes()).await;
        connection
    });
    let strangers = join_all(strangers).await;
    for _ in 0..3 {
        shop.place_new(&small_order()).await.assert_created();
    }
    for stranger in strangers {
        let answer = stranger.read_to_end().await;
        assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
    }
    let grown = peak_kb(shop.api.process.id()) - before;
    assert!(grown < MOST_KB, "300 strangers cost {grown} KiB");
}

#[tokio::test]
async fn forged_webhooks_use_separate_places_while_their_bodies_arrive() {
    let shop = Shop::open_with(&[
        ("OMS_MAX_IN_FLIGHT", "1"),
        ("OMS_MAX_WEBHOOKS_IN_FLIGHT", "4"),
        ("OMS_BODY_TIMEOUT_MS", "60000"),
    ])
    .await;
    shop.sandbox.report_to(&shop.api.url, "whsec_sandbox").await;
    let before = peak_kb(shop.api.process.id());
    let request = webhook(&signed(&forged_signature()), LARGE) + &" ".repeat(LARGE - 1);
    let strangers = (0..300).map(async |_| {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(request.as_bytes()).await;
        connection
    });
    let strangers = join_all(strangers).await;
    // The gateway's own webhooks and the customers' orders still succeed.
    shop.place_new(&small_order()).await.assert_created();
    let event = serde_json::json!({
        "id": "evt_1", "object": "event", "type": "t", "created": 1_790_000_000,
        "data": { "object": { "id": "pi_1", "object": "payment_intent" } },
    });
    assert_eq!(shop.sandbox.send_event(&event, "valid").await, 200);
    // The request that has waited longest loses its place: at most four are still in flight.
    let mut refused = 0;
    for mut stranger in strangers {
        if let Some(answer) = stranger.answer_so_far().await {
            assert_eq!(status(&answer), 408, "{answer}");
            refused += 1;
        }
    }
    assert!(refused >= 296, "{refused} of 300 were refused");
    let grown = peak_kb(shop.api.process.id()) - before;
    assert!(grown < MOST_KB, "300 strangers cost {grown} KiB");
}

#[tokio::test]
async fn a_request_without_a_valid_credential_is_refused_before_its_body_is_sent() {
    let mut shop = Shop::open().await;
    shop.api.process.kill();
    let settings = [PRODUCTION, &[("OMS_MAX_IN_FLIGHT", "1")]].concat();
    shop.restart(&settings).await;
    let before = peak_kb(shop.api.process.id());
    let unknown = "authorization: Bearer x\r\n";
    for (path, credential) in [
        ("/orders", ""),
        ("/orders", unknown),
        ("/imports/products", ""),
        ("/imports/stock", unknown),
        ("/routing/preview", ""),
        ("/nowhere", ""),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             idempotency-key: {}\r\n{credential}content-length: {LARGE}\r\n\r\n",
            new_key()
        );
        let whole = head.clone() + &" ".repeat(LARGE - 1);
        let strangers = (0..50).map(async |_| {
            let mut connection = RawConnection::open(&shop.api.url).await;
            connection.send(whole.as_bytes()).await;
            connection.read_to_end().await
        });
        for answer in join_all(strangers).await {
            let expected = if path == "/nowhere" { 404 } else { 401 };
            assert!(answer.is_empty() || status(&answer) == expected, "{answer}");
        }
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(head.as_bytes()).await;
        let answer = connection.answer().await;
        assert!([401, 404].contains(&status(&answer)), "{path}: {answer}");
    }
    let grown = peak_kb(shop.api.process.id()) - before;
    assert!(grown < MOST_KB, "300 strangers cost {grown} KiB");
}
