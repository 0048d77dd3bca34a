//! The trace of a request, from its headers to the log, the gateway and the collector.

use serde_json::Value;

use crate::answer::Answer;
use crate::eventually::{eventually, until};
use crate::receiver::{Manner, Received, Receiver};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const STATE: &str = "vendor=t61rcWkgMzE";

fn traceparent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

/// A shop whose gateway records its requests and answers with errors.
async fn open(gateway: &Receiver, more: &[(&str, &str)]) -> Shop {
    let mut settings = vec![("OMS_STRIPE_API_URL", gateway.url.as_str())];
    settings.extend_from_slice(more);
    Shop::open_with(&settings).await
}

async fn place_in_trace(shop: &Shop) -> Answer {
    let request = shop.customer().post("/orders");
    let request = request
        .header("idempotency-key", new_key())
        .header("traceparent", traceparent())
        .header("tracestate", STATE);
    Answer::of(request.json(&small_order()).send().await.unwrap()).await
}

/// The log line of an answered request.
async fn served(shop: &Shop, answer: &Answer) -> Value {
    let id = answer.header("x-request-id").unwrap();
    eventually("the request is in the log", async || {
        let is_it =
            |line: &Value| line["message"] == "served" && line["spans"][0]["request_id"] == id;
        shop.api.log().into_iter().find(is_it)
    })
    .await
}

fn bytes(digits: &str) -> Vec<u8> {
    let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn contains(request: &Received, bytes: &[u8]) -> bool {
    request
        .body
        .windows(bytes.len())
        .any(|window| window == bytes)
}

#[tokio::test]
async fn the_trace_of_a_request_is_in_its_log_lines_and_in_gateway_calls() {
    let gateway = Receiver::start(Manner::Answers(500)).await;
    let shop = open(&gateway, &[]).await;
    let refused = place_in_trace(&shop).await;
    refused.assert_problem(503, "payments.gateway_unavailable");
    let line = served(&shop, &refused).await;
    assert_eq!(line["spans"][0]["trace_id"], TRACE);
    let received = gateway.received();
    assert!(!received.is_empty());
    for request in &received {
        assert_eq!(request.headers["traceparent"], traceparent());
        assert_eq!(request.headers["tracestate"], STATE);
    }

    // Without a collector, a request without a readable trace belongs to none.
    let before = gateway.received().len();
    let plain = shop.place_new(&small_order()).await;
    let line = served(&shop, &plain).await;
    assert!(line["spans"][0].get("trace_id").is_none(), "{line}");
    let request = shop.customer().post("/orders");
    let request = request
        .header("idempotency-key", new_key())
        .header("traceparent", "00-4bf92f3577b34da6-00f067aa-01");
    let odd = Answer::of(request.json(&small_order()).send().await.unwrap()).await;
    assert_eq!(odd.status, 503, "{odd:?}");
    for request in &gateway.received()[before..] {
        assert_eq!(request.headers.get("traceparent"), None);
    }
    // Fields that only a collector reads are not logged.
    let text = shop.api.process.lines().join("\n");
    assert!(!text.contains("otel."), "{text}");
}

#[tokio::test]
async fn spans_are_sent_to_a_collector_under_the_trace_of_the_client() {
    let gateway = Receiver::start(Manner::Answers(500)).await;
    let collector = Receiver::start(Manner::Answers(200)).await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        // Spans do not depend on the log filter.
        ("OMS_LOG", "warn,oms_api=info"),
    ];
    let mut shop = open(&gateway, &settings).await;
    let refused = place_in_trace(&shop).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let line = served(&shop, &refused).await;
    assert_eq!(line["spans"][0]["trace_id"], TRACE);

    // The gateway call has a span of its own in the client's trace.
    let call = gateway.received()[0].headers["traceparent"].clone();
    let parts: Vec<&str> = call.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
    assert_ne!(parts[2], PARENT);
    assert_eq!(gateway.received()[0].headers["tracestate"], STATE);

    let wanted = [
        bytes(TRACE),
        bytes(PARENT),
        bytes(parts[2]),
        b"POST /orders".to_vec(),
        b"gateway_call".to_vec(),
        b"oms-api".to_vec(),
    ];
    until("the spans arrive", async || {
        let received = collector.received();
        let has = |wanted: &Vec<u8>| received.iter().any(|request| contains(request, wanted));
        wanted.iter().all(has)
    })
    .await;
    for request in collector.received() {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
    }

    // A request without a trace starts one.
    let plain = shop.get("/orders/x").await;
    let line = served(&shop, &plain).await;
    let trace = line["spans"][0]["trace_id"].as_str().unwrap().to_owned();
    assert!(trace.len() == 32 && trace != TRACE, "{line}");

    // Pending spans are sent before the program ends.
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    assert!(exit.status.success(), "{exit:?}");
    let sent = collector.received();
    assert!(sent.iter().any(|request| contains(request, &bytes(&trace))));
}

#[tokio::test]
async fn clients_do_not_notice_a_missing_or_hanging_collector() {
    let hanging = Receiver::start(Manner::Hangs).await;
    for endpoint in ["http://127.0.0.1:1", hanging.url.as_str()] {
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ];
        let shop = Shop::open_with(&settings).await;
        for _ in 0..20 {
            shop.place_new(&small_order()).await.assert_created();
        }
        shop.assert_consistent().await;
    }
    hanging.has_received(1).await;
    let mut shop = Shop::open_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ])
    .await;
    shop.get("/orders/x").await;
    shop.api.logged("could not send spans").await;
}
