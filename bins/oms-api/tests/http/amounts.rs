//! An amount that the gateway takes from nobody.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// Stripe's answer to a payment that is worth less than it costs:
/// <https://docs.stripe.com/error-codes#amount-too-small>.
const TOO_SMALL: &str =
    r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","param":"amount"}}"#;

/// Starts a gateway that gives this answer to every call.
async fn gateway() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The form's last parameter is the attempt's number.
            while !request.ends_with(b"attempt%5D=1") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let head = "HTTP/1.1 400 Bad Request\r\nconnection: close";
            let length = TOO_SMALL.len();
            let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{TOO_SMALL}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn an_amount_that_the_gateway_does_not_take_is_refused_and_nothing_is_kept() {
    let url = gateway().await;
    let shop = Shop::open_with(&[("OMS_STRIPE_API_URL", &url)]).await;
    let key = new_key();
    // Nothing is remembered under the key.
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
