//! 3-D Secure in a real browser: the storefront sends the customer to the bank's page, and the customer clicks.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::Page;
use crate::payments::three_d_secure::{HOLD, paying};
use crate::request::new_key;
use crate::shop::Shop;

const CHALLENGING: &str = "pm_card_threeDSecure2Required";
const PAGE: &str = "<!doctype html><html lang=en><title>Shop</title><link rel=icon href=\"data:,\"><h1>Welcome back</h1>";

/// The storefront's page to which the customer returns.
struct Storefront {
    url: String,
}

impl Storefront {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { url }
    }

    fn return_url(&self) -> String {
        format!("{}/done?basket=7", self.url)
    }
}

/// Answers every request with the same page.
async fn serve(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream
        .read_line(&mut line)
        .await
        .is_ok_and(|length| length > 0)
    {
        if line == "\r\n" {
            let length = PAGE.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n"
            );
            let sent = stream.write_all(format!("{head}{PAGE}").as_bytes()).await;
            if sent.is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// An order whose customer is on the bank's page.
async fn at_the_bank(shop: &Shop, storefront: &Storefront) -> (Page, String, Value) {
    let order = paying(CHALLENGING, Some(&storefront.return_url()));
    let pending = shop.place_new(&order).await;
    pending.assert_pending();
    let payment = pending.body["payment"].clone();
    let page = Page::open(payment["nextAction"]["redirectUrl"].as_str().unwrap()).await;
    page.shows("Is this payment yours?").await;
    page.shows("1000 USD").await;
    (page, pending.order_id(), payment)
}

/// Checks that the customer is back at the storefront, which received this status.
async fn assert_back(page: &Page, storefront: &Storefront, payment: &Value, status: &str) {
    page.shows("Welcome back").await;
    let expected = format!(
        "{}&payment_intent={}&payment_intent_client_secret={}&redirect_status={status}",
        storefront.return_url(),
        payment["reference"].as_str().unwrap(),
        payment["clientSecret"].as_str().unwrap()
    );
    assert_eq!(page.url().await, expected);
}

#[tokio::test]
async fn a_customer_who_completes_the_challenge_in_a_browser_has_paid() {
    let (shop, storefront) = (Shop::open().await, Storefront::open().await);
    let (page, order_id, payment) = at_the_bank(&shop, &storefront).await;
    page.screenshot("three_d_secure").await;
    page.press("Complete authentication").await;
    assert_back(&page, &storefront, &payment, "succeeded").await;

    let done = shop.is_done(&order_id).await;
    assert_eq!(
        (done.status, &done.body["status"]),
        (200, &json!("PAID")),
        "{done:?}"
    );
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    shop.assert_consistent().await;
    page.assert_flawless_among(&[&shop.sandbox.url, &storefront.url])
        .await;
}

#[tokio::test]
async fn a_customer_who_fails_the_challenge_in_a_browser_pays_with_another_card() {
    let (shop, storefront) = (Shop::open_with(&[HOLD]).await, Storefront::open().await);
    let (page, order_id, payment) = at_the_bank(&shop, &storefront).await;
    page.press("Fail authentication").await;
    assert_back(&page, &storefront, &payment, "failed").await;
    let failed = shop.is_done(&order_id).await;
    failed.assert_problem(402, "orders.payment_declined");
    assert_eq!(failed.body["orderStatus"], "PENDING_PAYMENT");

    // The other card's bank requires authentication too.
    let other = json!({ "paymentMethod": CHALLENGING, "returnUrl": storefront.return_url() });
    let pending = shop.pay(&order_id, &new_key(), &other).await;
    pending.assert_pending();
    let payment = &pending.body["payment"];
    let url = payment["nextAction"]["redirectUrl"].as_str().unwrap();
    page.go_to(url).await;
    page.press("Complete authentication").await;
    assert_back(&page, &storefront, payment, "succeeded").await;
    let done = shop.is_done(&order_id).await;
    assert_eq!(
        (done.status, &done.body["status"]),
        (200, &json!("PAID")),
        "{done:?}"
    );
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    shop.assert_consistent().await;
    page.assert_flawless_among(&[&shop.sandbox.url, &storefront.url])
        .await;
}

#[tokio::test]
async fn a_reopened_page_shows_the_outcome() {
    let (shop, storefront) = (Shop::open().await, Storefront::open().await);
    let (page, _, payment) = at_the_bank(&shop, &storefront).await;
    page.press("Complete authentication").await;
    page.shows("Welcome back").await;
    page.go_to(payment["nextAction"]["redirectUrl"].as_str().unwrap())
        .await;
    page.shows("The payment is complete.").await;
    page.press("Return to the store").await;
    assert_back(&page, &storefront, &payment, "succeeded").await;
    page.assert_flawless_among(&[&shop.sandbox.url, &storefront.url])
        .await;
}
