//! Pipelined requests, and clients that wait for 100 before they send a body.

use crate::keys::PRODUCTION;
use crate::raw::{RawConnection, head, post, status};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

const GET: &str = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
const HEAD: &str = "HEAD /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
const LAST: &str = "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const BODY: &str = r#"{"status":"ok"}"#;

/// Splits the output of a server into answers. Those at the given positions have no body.
fn answers(mut text: &str, without_body: &[usize]) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once("\r\n\r\n").expect("a head");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let length = match without_body.contains(&answers.len()) {
            true => 0,
            false => length,
        };
        let (body, rest) = rest.split_at(length);
        answers.push((status(head), body.to_owned()));
        text = rest;
    }
    answers
}

#[tokio::test]
async fn pipelined_requests_get_their_own_answers() {
    let shop = Shop::open().await;
    let order = format!("/orders/{}", shop.paid().await);
    for (url, path) in [
        (&shop.api.url, "/health/live"),
        // The first request waits for the database while the next one has arrived.
        (&shop.api.url, &order),
        (&shop.api.metrics_url, "/metrics"),
    ] {
        let sent = [GET, HEAD, GET, HEAD, HEAD, LAST].concat();
        let mut connection = RawConnection::open(url).await;
        connection
            .send(sent.replace("/health/live", path).as_bytes())
            .await;
        let answers = answers(&connection.read_to_end().await, &[1, 3, 4]);
        assert_eq!(answers.len(), 6, "{path}: {answers:?}");
        for (place, (status, body)) in answers.iter().enumerate() {
            let is_head = [1, 3, 4].contains(&place);
            assert_eq!(
                (*status, body.is_empty()),
                (200, is_head),
                "{path}: {place}"
            );
        }
    }
}

#[tokio::test]
async fn pipelined_requests_with_bodies_are_answered_in_order_in_pieces_of_any_size() {
    let shop = Shop::open().await;
    let body = small_order().to_string();
    let order = |key: &str| post(key, &body).replace("connection: close\r\n", "");
    let sent = [
        &order(&new_key()),
        HEAD,
        &order(&new_key()),
        GET,
        HEAD,
        LAST,
    ]
    .concat();
    for size in [1, 7, 100, sent.len()] {
        let sent = sent.replace("idempotency-key: ", &format!("idempotency-key: {size}-"));
        let mut connection = RawConnection::open(&shop.api.url).await;
        for piece in sent.as_bytes().chunks(size) {
            connection.send(piece).await;
        }
        let answers = answers(&connection.read_to_end().await, &[1, 4]);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.0).collect();
        assert_eq!(
            statuses,
            [201, 200, 201, 200, 200, 200],
            "in pieces of {size}"
        );
        assert_eq!(answers[3].1, BODY);
    }
    assert_eq!(shop.database.orders().await, 8);
}

#[tokio::test]
async fn pipelined_requests_are_answered_even_if_the_client_has_stopped_sending() {
    let shop = Shop::open().await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection.send([GET, HEAD, GET].concat().as_bytes()).await;
    connection.finish().await;
    let answers = answers(&connection.read_to_end().await, &[1]);
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[2].1, BODY);
}

/// The first answer, which is all that the server sends while it waits.
async fn first(connection: &mut RawConnection) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        assert!(connection.read_some(&mut bytes, 1).await, "{bytes:?}");
    }
    String::from_utf8(bytes).unwrap()
}

fn waiting(key: &str, length: usize) -> String {
    head(
        key,
        &format!("content-length: {length}\r\nexpect: 100-continue"),
    )
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_once_its_request_is_admitted() {
    let shop = Shop::open().await;
    let body = small_order().to_string();
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection
        .send(waiting(&new_key(), body.len()).as_bytes())
        .await;
    assert_eq!(
        first(&mut connection).await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    connection.send(body.as_bytes()).await;
    let answer = connection.read_to_end().await;
    assert_eq!(status(&answer), 201, "{answer}");
    // A client that does not wait gets its answer too.
    let mut connection = RawConnection::open(&shop.api.url).await;
    let sent = waiting(&new_key(), body.len()) + &body;
    connection.send(sent.as_bytes()).await;
    let answer = connection.read_to_end().await;
    let last = answer.rfind("HTTP/1.1 ").unwrap();
    assert_eq!(status(&answer[last..]), 201, "{answer}");
}

#[tokio::test]
async fn a_refused_client_that_expects_100_gets_no_100() {
    let shop = Shop::open_with(PRODUCTION).await;
    for (sent, expected) in [
        (waiting(&new_key(), 1000), 401),
        (
            waiting(&new_key(), 1000).replace("POST /orders", "POST /nowhere"),
            404,
        ),
        (
            waiting("x", 1000).replace("POST /orders", "POST /webhooks/stripe"),
            400,
        ),
    ] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(sent.as_bytes()).await;
        let answer = first(&mut connection).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
    }
    let body = small_order().to_string();
    let mut connection = RawConnection::open(&shop.api.url).await;
    let sent = waiting(&new_key(), body.len()).replace(
        "content-type: application/json",
        "content-type: application/json\r\ncontent-encoding: gzip",
    );
    connection.send(sent.as_bytes()).await;
    assert!(!first(&mut connection).await.contains("100 Continue"));
}

/// The server of the metrics has 64 connections at a time.
const MORE_THAN_METRICS_SERVES: usize = 70;

#[tokio::test]
async fn the_metrics_server_has_the_same_connection_limits() {
    let shop = Shop::open_with(&[
        ("OMS_HEAD_TIMEOUT_MS", "1000"),
        ("OMS_SEND_TIMEOUT_MS", "1000"),
    ])
    .await;
    let mut slow = RawConnection::open(&shop.api.metrics_url).await;
    slow.send(b"GET /metrics HT").await;
    let answer = slow.read_to_end().await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let mut crowd = Vec::new();
    for _ in 0..MORE_THAN_METRICS_SERVES {
        crowd.push(RawConnection::open(&shop.api.metrics_url).await);
    }
    // The idle connections are closed and make room for a scrape.
    assert!(shop.metrics().await.contains("oms_"));
    let mut greedy = Vec::new();
    for _ in 0..MORE_THAN_METRICS_SERVES {
        let mut connection = RawConnection::open_with_small_buffer(&shop.api.metrics_url).await;
        // More than the buffers hold of the answers.
        let scrapes = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(3);
        connection.send(scrapes.as_bytes()).await;
        greedy.push(connection);
    }
    assert!(shop.metrics().await.contains("oms_"));
}
