//! The content of the log, and secrets that neither it nor the database may contain.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{SECRET_KEY, parse};
use crate::eventually::eventually;
use crate::request::{ATLANTA, CARD, DECLINED_CARD, UNKNOWN_ADDRESS, new_key, small_order, with};
use crate::shop::Shop;

const TOKEN: &str = "pm_card_visa_chargeDeclinedLostCard";

/// Orders that succeed or are declined, and bodies with a card number in the wrong place.
fn bodies() -> Vec<Value> {
    let number: i64 = CARD.parse().unwrap();
    let item = |product: Value, quantity: Value| {
        with(
            small_order(),
            "items",
            json!([{ "productId": product, "quantity": quantity }]),
        )
    };
    let product = &small_order()["items"][0]["productId"];
    vec![
        small_order(),
        with(small_order(), "creditCardNumber", json!(DECLINED_CARD)),
        with(
            with(small_order(), "creditCardNumber", Value::Null),
            "paymentMethod",
            json!(TOKEN),
        ),
        with(small_order(), "shippingAddress", json!(UNKNOWN_ADDRESS)),
        with(small_order(), "creditCardNumber", json!(number)),
        with(small_order(), "creditCardNumber", json!(format!("{CARD}x"))),
        with(small_order(), "creditCardNumber", json!([CARD])),
        with(
            with(small_order(), "creditCardNumber", Value::Null),
            "paymentMethod",
            json!(CARD),
        ),
        with(small_order(), "paymentMethod", json!(number)),
        with(small_order(), "customerId", json!(CARD)),
        with(small_order(), "shippingAddress", json!(CARD)),
        with(small_order(), "shippingAddress", json!(number)),
        with(small_order(), "items", json!(CARD)),
        with(small_order(), "cardNumber", json!(CARD)),
        item(json!(CARD), json!(1)),
        item(json!(number), json!(1)),
        item(product.clone(), json!(number)),
        item(product.clone(), json!(CARD)),
        json!(CARD),
        json!([number]),
    ]
}

/// The content of all tables, as text.
async fn stored(shop: &Shop) -> String {
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'public')";
    let mut text = String::new();
    for table in shop.database.rows(tables).await {
        let sql = format!("SELECT t::text FROM {} t", table[0]);
        for row in shop.database.rows(&sql).await {
            text.push_str(&row[0]);
        }
    }
    text
}

/// `lowest` is a level of which the filter shows lines.
async fn assert_keeps_secrets(filter: &str, lowest: &str) {
    let mut shop = Shop::open_with(&[("OMS_LOG", filter)]).await;
    let mut statuses = Vec::new();
    for body in bodies() {
        let answer = shop.place_new(&body).await;
        assert!(!answer.text.contains(CARD), "{answer:?}");
        statuses.push(answer.status);
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [201, 400, 402]);
    for path in [format!("/orders/{CARD}"), format!("/{CARD}?card={CARD}")] {
        assert_eq!(shop.get(&path).await.status, 404);
    }
    // Also when the gateway is down, with errors that contain their causes.
    shop.sandbox.kill();
    shop.place_new(&small_order())
        .await
        .assert_problem(503, "payments.gateway_unavailable");

    let database = stored(&shop).await;
    for secret in [CARD, DECLINED_CARD, TOKEN, SECRET_KEY] {
        assert!(!database.contains(secret), "{secret} is in the database");
    }
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    let log = exit.stdout + &exit.stderr;
    assert!(log.contains(&format!("\"level\":\"{lowest}\"")), "{log}");
    assert!(
        log.contains("\"status\":201") && log.contains("\"status\":402"),
        "{log}"
    );
    let database_url = shop.database.url();
    let password = database_url.split([':', '@']).nth(2).unwrap();
    for secret in [
        CARD,
        DECLINED_CARD,
        TOKEN,
        SECRET_KEY,
        ATLANTA,
        "Peachtree",
        "Evergreen",
        password,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn no_card_number_is_in_the_log_an_answer_or_the_database() {
    assert_keeps_secrets("info", "INFO").await;
}

#[tokio::test]
async fn no_card_number_is_in_the_log_at_trace_level() {
    assert_keeps_secrets("trace", "TRACE").await;
}

#[tokio::test]
async fn every_request_has_one_log_line_with_its_request_id() {
    let shop = Shop::open().await;
    let wrong_method = shop
        .customer()
        .request(Method::DELETE, "/orders")
        .send()
        .await
        .unwrap();
    let answers = [
        shop.place_new(&small_order()).await,
        shop.place_new(&with(small_order(), "items", json!([])))
            .await,
        shop.get(&format!("/orders/{}", new_key())).await,
        shop.get("/nowhere").await,
        Answer::of(wrong_method).await,
    ];
    for answer in &answers {
        let id = answer.header("x-request-id").unwrap();
        let line = eventually("the request is in the log", async || {
            let served =
                |line: &Value| line["message"] == "served" && line["spans"][0]["request_id"] == id;
            shop.api.log().into_iter().find(served)
        })
        .await;
        assert_eq!(line["status"], answer.status, "{line}");
        assert!(line["duration_ms"].is_number(), "{line}");
        if answer.status >= 400 {
            assert_eq!(answer.body["requestId"], id);
        }
    }
    let mut ids: Vec<_> = answers
        .iter()
        .map(|answer| answer.header("x-request-id"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answers.len());
}

#[tokio::test]
async fn the_cause_of_a_503_is_logged_once_and_not_in_the_answer() {
    let mut shop = Shop::open().await;
    shop.sandbox.kill();
    let refused = shop.place_new(&small_order()).await;
    refused.assert_problem(503, "payments.gateway_unavailable");
    assert!(!refused.text.contains("127.0.0.1"), "{refused:?}");
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    let lines: Vec<String> = exit.stdout.lines().map(str::to_owned).collect();
    let log = parse(&lines);
    let causes: Vec<&Value> = log
        .iter()
        .filter(|line| line["code"] == refused.code())
        .collect();
    assert_eq!(causes.len(), 1, "{log:?}");
    assert_eq!(causes[0]["level"], "WARN");
    assert!(!causes[0]["cause"].as_str().unwrap().is_empty());
    assert_eq!(
        causes[0]["spans"][0]["request_id"].as_str(),
        refused.header("x-request-id")
    );
}
