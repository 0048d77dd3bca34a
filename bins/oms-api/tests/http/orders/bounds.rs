//! Limits against stock hoarding, card testing, and excessive look-ups.

use std::sync::{Arc, Mutex};

use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::answer::Answer;
use crate::keys::make_key;
use crate::payments::three_d_secure::{HOLD, paying};
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, order, small_order, with};
use crate::shop::{Shop, seed_as};

const CHALLENGING: &str = "pm_card_threeDSecure2Required";
const OTHER_TENANT: &str = "00000000-0000-4000-8000-000000000002";

/// Asserts a refusal that names the exceeded limit.
fn assert_exceeded(refused: &Answer, code: &str, bound: &str, most: u64) {
    refused.assert_problem(429, code);
    assert_eq!(refused.body["bound"], bound, "{refused:?}");
    assert_eq!(refused.body["most"], most, "{refused:?}");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&most.to_string()), "{detail}");
}

#[tokio::test]
async fn a_customer_at_the_limit_must_pay_or_cancel_an_unpaid_order_first() {
    let shop = Shop::open_with(&[("OMS_MAX_UNPAID_ORDERS_PER_CUSTOMER", "2")]).await;
    let unpaid = paying(CHALLENGING, Some("https://shop.example/done"));
    let first = shop.place_new(&unpaid).await;
    first.assert_pending();
    shop.place_new(&unpaid).await.assert_pending();
    let levels = shop.database.levels().await;
    let key = new_key();
    let refused = shop.place(&key, &small_order()).await;
    assert_exceeded(&refused, "orders.too_many_unpaid", "customer_orders", 2);
    assert_eq!(shop.database.levels().await, levels);
    assert_eq!(shop.database.orders().await, 2);
    let series = "oms_bounds_exceeded_total{bound=\"customer_orders\"}";
    assert_eq!(shop.metric(series).await.as_deref(), Some("1"));
    let series = "oms_orders_total{outcome=\"too_many_unpaid\"}";
    assert_eq!(shop.metric(series).await.as_deref(), Some("1"));

    let cancel = format!("/orders/{}/cancel", first.order_id());
    let cancel = shop.customer().post(&cancel).send().await.unwrap();
    assert_eq!(cancel.status(), 200);
    shop.place(&key, &small_order()).await.assert_created();
}

#[tokio::test]
async fn units_of_unpaid_orders_are_limited_even_within_one_order() {
    let shop = Shop::open_with(&[("OMS_MAX_UNPAID_UNITS_PER_CUSTOMER", "5")]).await;
    let six = with(
        small_order(),
        "items",
        json!([{ "productId": WIDGET_A, "quantity": 6 }]),
    );
    let refused = shop.place_new(&six).await;
    refused.assert_problem(422, "orders.too_many_units");
    assert_eq!(refused.body["most"], 5);
    let five = with(
        paying(CHALLENGING, Some("https://shop.example/done")),
        "items",
        json!([{ "productId": WIDGET_A, "quantity": 5 }]),
    );
    shop.place_new(&five).await.assert_pending();
    let refused = shop.place_new(&small_order()).await;
    assert_exceeded(&refused, "orders.too_many_unpaid", "customer_units", 5);
}

#[tokio::test]
async fn a_customer_with_too_many_declines_is_refused_without_a_payment_attempt() {
    let shop = Shop::open_with(&[("OMS_MAX_DECLINES_PER_CUSTOMER", "2"), HOLD]).await;
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let first = shop.place_new(&declined).await;
    assert_eq!(first.status, 402, "{first:?}");
    let again = json!({ "creditCardNumber": DECLINED_CARD });
    let second = shop.pay(&first.order_id(), &new_key(), &again).await;
    assert_eq!(second.status, 402, "{second:?}");
    let confirmations = shop.sandbox.calls("confirm").await;
    let refused = shop.place_new(&small_order()).await;
    assert_exceeded(&refused, "orders.too_many_declines", "customer_declines", 2);
    assert!(refused.retry_after().unwrap() > 60, "{refused:?}");
    let refused = shop.pay(&first.order_id(), &new_key(), &again).await;
    assert_exceeded(&refused, "orders.too_many_declines", "customer_declines", 2);
    assert_eq!(shop.sandbox.calls("confirm").await, confirmations);

    let stranger = json!("bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb");
    let other = with(small_order(), "customerId", stranger);
    shop.place_new(&other).await.assert_created();
}

#[tokio::test]
async fn a_credential_with_too_many_declines_is_refused_even_after_a_restart() {
    let settings = [("OMS_MAX_DECLINES_PER_CREDENTIAL", "2")];
    let mut shop = Shop::open_with(&settings).await;
    let declined = |number: u32| {
        let customer = json!(format!("bbbbbbbb-bbbb-4bbb-8bbb-00000000000{number}"));
        let order = with(small_order(), "customerId", customer);
        with(order, "creditCardNumber", json!(DECLINED_CARD))
    };
    for number in 0..2 {
        let answer = shop.place_new(&declined(number)).await;
        answer.assert_failed("orders.payment_declined");
    }
    for _ in 0..2 {
        let refused = shop.place_new(&declined(3)).await;
        assert_exceeded(
            &refused,
            "orders.too_many_declines",
            "credential_declines",
            2,
        );
        shop.restart(&settings).await;
    }
}

/// A geocoding service that fails for addresses that contain `bad`, and finds all others in Atlanta.
struct Service {
    url: String,
    /// The addresses that were requested.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let service = Self {
            url,
            asked: asked.clone(),
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, asked.clone()));
            }
        });
        service
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn answer(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let url = Url::parse("http://localhost")
        .unwrap()
        .join(target)
        .unwrap();
    let query = url.query_pairs().find(|(name, _)| name == "q");
    let address = query.unwrap().1.into_owned();
    let (status, body) = match address.contains("bad") {
        true => (500, ""),
        false => (200, r#"[{"lat": "33.7578", "lon": "-84.3876"}]"#),
    };
    asked.lock().unwrap().push(address);
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has read enough disconnects.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn to(address: &str) -> Value {
    order(address, &[(WIDGET_A, 1)])
}

async fn preview(shop: &Shop, address: &str) -> Answer {
    let order = to(address);
    let body = json!({ "shippingAddress": order["shippingAddress"], "items": order["items"] });
    let request = shop.customer().post("/routing/preview").json(&body);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_look_ups_of_previews_are_limited_separately_from_orders() {
    let service = Service::start().await;
    let shop = Shop::open_with(&[
        ("OMS_GEOCODER_URL", &service.url),
        ("OMS_GEOCODER_TIMEOUT_MS", "60000"),
        ("OMS_GEOCODER_PREVIEWS_PER_MINUTE", "1"),
    ])
    .await;
    assert_eq!(preview(&shop, "1 Main St").await.status, 200);
    let refused = preview(&shop, "2 Main St").await;
    refused.assert_problem(429, "geocoding.too_many_look_ups");
    assert!(refused.retry_after().unwrap() <= 60, "{refused:?}");
    assert_eq!(service.asked(), 1);
    let series = "oms_geocoder_look_ups_refused_total{purpose=\"previews\"}";
    assert_eq!(shop.metric(series).await.as_deref(), Some("1"));
    // A cached address does not count.
    assert_eq!(preview(&shop, "1 Main St").await.status, 200);
    shop.place_new(&to("3 Main St")).await.assert_created();
    assert_eq!(service.asked(), 2);
}

#[tokio::test]
async fn orders_beyond_the_look_up_limit_leave_no_trace() {
    let service = Service::start().await;
    let shop = Shop::open_with(&[
        ("OMS_GEOCODER_URL", &service.url),
        ("OMS_GEOCODER_TIMEOUT_MS", "60000"),
        ("OMS_GEOCODER_ORDERS_PER_MINUTE", "1"),
    ])
    .await;
    shop.place_new(&to("1 Main St")).await.assert_created();
    let refused = shop.place_new(&to("2 Main St")).await;
    refused.assert_problem(429, "geocoding.too_many_look_ups");
    shop.place_new(&to("1 Main St")).await.assert_created();
    shop.place_new(&small_order()).await.assert_created();
    assert_eq!(service.asked(), 1);
    assert_eq!(shop.database.orders().await, 3);
}

#[tokio::test]
async fn failing_look_ups_of_one_tenant_do_not_stop_orders_of_another() {
    let service = Service::start().await;
    let shop = Shop::open_with(&[
        ("OMS_GEOCODER_URL", &service.url),
        ("OMS_GEOCODER_TIMEOUT_MS", "60000"),
    ])
    .await;
    seed_as(&shop.database, OTHER_TENANT).await;
    let key = make_key(&shop.database, OTHER_TENANT, "shop", "orders:write").await;
    let place_elsewhere = async |address: String| {
        let request = shop.customer().post("/orders").bearer_auth(&key);
        let request = request.header("idempotency-key", new_key());
        Answer::of(request.json(&to(&address)).send().await.unwrap()).await
    };
    for number in 0..6 {
        let failed = place_elsewhere(format!("{number} bad St")).await;
        failed.assert_problem(503, "geocoding.unavailable");
    }
    shop.place_new(&to("1 Main St")).await.assert_created();
}

#[tokio::test]
async fn failing_look_ups_of_previews_do_not_stop_orders() {
    let service = Service::start().await;
    let shop = Shop::open_with(&[
        ("OMS_GEOCODER_URL", &service.url),
        ("OMS_GEOCODER_TIMEOUT_MS", "60000"),
    ])
    .await;
    for number in 0..6 {
        let failed = preview(&shop, &format!("{number} bad St")).await;
        failed.assert_problem(503, "geocoding.unavailable");
    }
    shop.place_new(&to("1 Main St")).await.assert_created();
}
