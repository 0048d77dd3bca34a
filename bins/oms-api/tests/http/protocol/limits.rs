//! Limits on the time and bytes that one client can consume.

use serde_json::{Value, json};

use crate::raw::{RawConnection, head, post, status};
use crate::request::{new_key, small_order, with};
use crate::shop::Shop;

/// The default of `OMS_MAX_BODY_BYTES`.
const MAX_BODY_BYTES: usize = 102_400;

/// The body of an answer that is not chunked.
fn problem(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/problem+json"), "{answer}");
    serde_json::from_str(body).unwrap()
}

fn body_of(bytes: usize) -> String {
    let padded = |padding: usize| {
        with(small_order(), "shippingAddress", json!("x".repeat(padding))).to_string()
    };
    let body = padded(bytes - padded(0).len());
    assert_eq!(body.len(), bytes);
    body
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_or_without_a_content_length() {
    let shop = Shop::open().await;
    let too_large = body_of(MAX_BODY_BYTES + 1);
    let whole = post(&new_key(), &too_large);
    let chunk = format!("{:x}\r\n{too_large}\r\n", too_large.len());
    let chunked = head(&new_key(), "transfer-encoding: chunked") + &chunk;
    for request in [whole, chunked] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(request.as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), 413, "{answer}");
        assert_eq!(problem(&answer)["code"], "request.too_large");
    }
    let largest: Value = serde_json::from_str(&body_of(MAX_BODY_BYTES)).unwrap();
    let refused = shop.place_new(&largest).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["shippingAddress"]);
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn a_body_that_is_too_slow_is_refused() {
    let shop = Shop::open_with(&[("OMS_BODY_TIMEOUT_MS", "200")]).await;
    for (framing, beginning) in [
        ("content-length: 1000", ""),
        ("content-length: 1000", "{\"customerId\""),
        ("transfer-encoding: chunked", ""),
        ("transfer-encoding: chunked", "5\r\n{\"cus"),
    ] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        let request = head(&new_key(), framing) + beginning;
        connection.send(request.as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), 408, "{answer}");
        assert_eq!(problem(&answer)["code"], "request.timeout");
    }
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn a_connection_with_a_body_that_never_ends_is_closed_after_the_answer() {
    let shop = Shop::open_with(&[("OMS_BODY_TIMEOUT_MS", "200")]).await;
    let to_nowhere = |framing| head(&new_key(), framing).replace("/orders", "/nowhere");
    let (length, chunked) = ("content-length: 1000", "transfer-encoding: chunked");
    for (request, expected) in [
        (head(&new_key(), length), 408),
        (to_nowhere(length), 404),
        (head(&new_key(), chunked), 408),
        (to_nowhere(chunked), 404),
    ] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(request.as_bytes()).await;
        let answer = connection.read_to_end().await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_slow_is_refused() {
    let shop = Shop::open_with(&[("OMS_HEAD_TIMEOUT_MS", "1500")]).await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection
        .send(b"POST /orders HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
        .await;
    let answer = connection.read_to_end().await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(problem(&answer)["code"], "request.timeout");
    shop.place_new(&small_order()).await.assert_created();
}

#[tokio::test]
async fn every_head_of_a_connection_has_a_deadline() {
    let shop = Shop::open_with(&[("OMS_HEAD_TIMEOUT_MS", "1500")]).await;
    let whole = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let beginning = "GET /health/live HTTP/1.1\r\nhost: o";
    // The beginning of the second head arrives after the first request or together with it.
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection.send(whole.as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 200);
    connection.send(beginning.as_bytes()).await;
    let answer = connection.read_to_end().await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(problem(&answer)["code"], "request.timeout");
    // A client that sends byte by byte has no more time than others.
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection.send(beginning.as_bytes()).await;
    let mut answer = None;
    for _ in 0..240 {
        answer = connection.answer_so_far().await;
        if answer.is_some() {
            break;
        }
        connection.send(b"x").await;
    }
    assert_eq!(status(&answer.unwrap()), 408);
}

#[tokio::test]
async fn many_pipelined_requests_are_all_answered() {
    let shop = Shop::open().await;
    let requests = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(999)
        + "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection.send(requests.as_bytes()).await;
    let answers = connection.read_to_end().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 1000);
}

#[tokio::test]
async fn a_head_of_200_kb_is_refused() {
    let shop = Shop::open().await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    let padding = format!("x-padding: {}", "x".repeat(200_000));
    connection.send(head(&new_key(), &padding).as_bytes()).await;
    let answer = connection.read_to_end().await;
    assert_eq!(status(&answer), 431, "{answer}");
    assert_eq!(problem(&answer)["code"], "request.head_too_large");
    // A head that never ends is refused too.
    let mut connection = RawConnection::open(&shop.api.url).await;
    let endless = format!("GET / HTTP/1.1\r\nx-padding: {}", "x".repeat(20_000));
    connection.send(endless.as_bytes()).await;
    let answer = connection.answer().await;
    assert_eq!(status(&answer), 431, "{answer}");
    shop.place_new(&small_order()).await.assert_created();
}

#[tokio::test]
async fn invalid_http_is_refused_and_harms_no_one() {
    let shop = Shop::open().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(bytes).await;
        connection.finish().await;
        let answer = connection.read_to_end().await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert_eq!(problem(&answer)["code"], "request.invalid");
    }
    // A valid request before it is still answered.
    let mut connection = RawConnection::open(&shop.api.url).await;
    let request = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\nnonsense\r\n\r\n";
    connection.send(request.as_bytes()).await;
    let answers = connection.read_to_end().await;
    assert_eq!(status(&answers), 200, "{answers}");
    assert_eq!(
        answers.matches("HTTP/1.1 400 Bad Request").count(),
        1,
        "{answers}"
    );
    assert!(answers.contains("request.invalid"), "{answers}");
    shop.place_new(&small_order()).await.assert_created();
    let errors: Vec<_> = shop
        .api
        .log()
        .into_iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert_eq!(errors, Vec::<Value>::new());
}
