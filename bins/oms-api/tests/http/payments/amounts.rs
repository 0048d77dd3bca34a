//! Amounts that the gateway refuses.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// Starts a gateway that answers every call with this error.
async fn gateway(status: u16, error: &Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = json!({ "error": error }).to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                stream.read_buf(&mut request).await.unwrap();
            }
            let head = format!("HTTP/1.1 {status} No\r\nconnection: close");
            let length = body.len();
            let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

/// Whether a request with a form has arrived completely.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.is_some_and(|(_, length)| length.parse() == Ok(body.len()))
}

/// A refusal with this error code and parameter.
fn refusal(code: Option<&str>, param: Option<&str>) -> Value {
    json!({ "type": "invalid_request_error", "code": code, "param": param, "message": "no" })
}

#[tokio::test]
async fn an_amount_that_the_gateway_refuses_is_refused_and_nothing_is_kept() {
    // <https://docs.stripe.com/error-codes#amount-too-small>
    let url = gateway(400, &refusal(Some("amount_too_small"), Some("amount"))).await;
    let shop = Shop::open_with(&[("OMS_STRIPE_API_URL", &url)]).await;
    let key = new_key();
    // The refusal does not use up the key.
    for _ in 0..2 {
        let refused = shop.place(&key, &small_order()).await;
        refused.assert_problem(422, "payments.amount_not_accepted");
        assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    }
    let kept = "SELECT count(*) FROM orders.orders WHERE idempotency_key IS NOT NULL";
    assert_eq!(shop.database.number(kept).await, 0);
    let calls = "SELECT count(*) FROM payments.gateway_calls
                 WHERE (operation, outcome, effect) = ('prepare', 'rejected:400:amount_too_small', 'known')";
    assert_eq!(shop.database.number(calls).await, 2);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_permanent_refusal_is_recognised_by_its_class_and_parameter() {
    for (status, code, param, told, problem) in [
        (
            400,
            None,
            Some("amount"),
            422,
            "payments.amount_not_accepted",
        ),
        (
            400,
            Some("a_code_of_tomorrow"),
            Some("amount"),
            422,
            "payments.amount_not_accepted",
        ),
        (
            400,
            Some("a_code_of_tomorrow"),
            Some("currency"),
            422,
            "payments.currency_not_accepted",
        ),
        (
            400,
            None,
            Some("payment_method_types"),
            422,
            "payments.payment_not_accepted",
        ),
        (401, None, None, 503, "payments.gateway_refused"),
        (
            403,
            Some("a_code_of_tomorrow"),
            None,
            503,
            "payments.gateway_refused",
        ),
    ] {
        let url = gateway(status, &refusal(code, param)).await;
        let shop = Shop::open_with(&[("OMS_STRIPE_API_URL", &url)]).await;
        let refused = shop.place(&new_key(), &small_order()).await;
        refused.assert_problem(told, problem);
        assert_eq!(
            refused.body["retryable"], false,
            "{status} {code:?} {param:?}"
        );
        assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    }
    let url = gateway(429, &refusal(Some("rate_limit"), None)).await;
    let shop = Shop::open_with(&[("OMS_STRIPE_API_URL", &url)]).await;
    let refused = shop.place(&new_key(), &small_order()).await;
    refused.assert_problem(503, "payments.gateway_unavailable");
    assert_eq!(refused.body["retryable"], true);
}

#[tokio::test]
async fn a_refund_follows_the_rules_of_its_currency() {
    let shop = Shop::open().await;
    let placed = shop.place(&new_key(), &small_order()).await;
    let path = format!("/orders/{}/refunds", placed.order_id());
    for (amount, currency) in [(5, "KWD"), (50, "MGA"), (100_000_000, "USD")] {
        let body = json!({ "amount": { "amountMinor": amount, "currency": currency } });
        let refused = shop.post_once(&path, &new_key(), &body).await;
        refused.assert_problem(422, "payments.amount_not_accepted");
    }
    let body = json!({ "amount": { "amountMinor": 5, "currency": "ZZZ" } });
    let refused = shop.post_once(&path, &new_key(), &body).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["amount.currency"], "{refused:?}");
}

#[tokio::test]
async fn the_gateway_s_error_about_an_unsupported_currency_is_reported() {
    // An ISO 4217 currency that Stripe does not support.
    let shop = Shop::open_with(&[("OMS_CURRENCY", "IQD")]).await;
    let set = "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
               SELECT tenant_id, product_id, 'IQD', 5000 FROM inventory.prices";
    shop.database.execute(set).await;
    let refused = shop.place(&new_key(), &small_order()).await;
    refused.assert_problem(422, "payments.currency_not_accepted");
    // Three decimals, of which the last is not 0.
    shop.database
        .execute("UPDATE inventory.prices SET unit_price_minor = 5005 WHERE currency = 'IQD'")
        .await;
    let refused = shop.place(&new_key(), &small_order()).await;
    refused.assert_problem(422, "payments.amount_not_accepted");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("a multiple of 10 minor units in IQD"),
        "{detail}"
    );
}
