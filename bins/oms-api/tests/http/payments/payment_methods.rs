//! Payment methods, and declined payments.

use serde_json::{Value, json};

use crate::request::{CARD, DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

fn paying(method: Value) -> Value {
    let without_card = with(small_order(), "creditCardNumber", Value::Null);
    with(without_card, "paymentMethod", method)
}

#[tokio::test]
async fn a_declined_payment_fails_the_order_and_releases_its_stock() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let key = new_key();
    let order = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let declined = shop.place(&key, &order).await;
    declined.assert_failed("orders.payment_declined");
    assert_eq!(declined.body["declineCode"], "generic_decline");
    assert_eq!(shop.database.levels().await, levels);
    let read = shop.order(&declined.order_id()).await;
    assert_eq!(read["status"], "FAILED");
    assert_eq!(read["failure"], "payment_declined:generic_decline");
    assert_eq!(read["payment"]["state"], "declined");

    let again = shop.place(&key, &order).await;
    again.assert_failed("orders.payment_declined");
    assert_eq!(again.order_id(), declined.order_id());
    assert_eq!(again.body["declineCode"], "generic_decline");
    assert_eq!(shop.sandbox.calls("confirm").await, 1);
    assert_eq!(shop.database.orders().await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn decline_reasons_are_shown_unless_they_would_help_thieves() {
    let shop = Shop::open().await;
    for (token, told, step, stored) in [
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "insufficient_funds",
            "use_another_method",
            "insufficient_funds",
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "use_another_method",
            "expired_card",
        ),
        (
            "pm_card_visa_chargeDeclinedStolenCard",
            "generic_decline",
            "contact_issuer",
            "stolen_card",
        ),
    ] {
        let key = new_key();
        let first = shop.place(&key, &paying(json!(token))).await;
        let replay = shop.place(&key, &paying(json!(token))).await;
        for declined in [first, replay] {
            declined.assert_failed("orders.payment_declined");
            assert_eq!(declined.body["declineCode"], told, "{declined:?}");
            assert_eq!(declined.body["customerStep"], step, "{declined:?}");
        }
        let sql = format!("SELECT failure_code FROM orders.orders WHERE idempotency_key = '{key}'");
        assert_eq!(
            shop.database.rows(&sql).await,
            [[format!("payment_declined:{stored}")]]
        );
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_token_of_the_gateway_pays() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&paying(json!("pm_card_visa"))).await;
    placed.assert_created();
    assert_eq!(shop.sandbox.charged(&placed.order_id()).await, (1, 1000));
    let unknown = shop.place_new(&paying(json!("pm_card_of_nobody"))).await;
    unknown.assert_failed("orders.payment_declined");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_is_paid_in_exactly_one_way() {
    let shop = Shop::open().await;
    let both = with(small_order(), "paymentMethod", json!("pm_card_visa"));
    let neither = with(small_order(), "creditCardNumber", Value::Null);
    let cases = [
        (both, "creditCardNumber"),
        (neither, "paymentMethod"),
        (paying(json!("")), "paymentMethod"),
        (paying(json!("not a token")), "paymentMethod"),
        (paying(json!(CARD)), "paymentMethod"),
        (
            with(small_order(), "creditCardNumber", json!("4111-1111")),
            "creditCardNumber",
        ),
        (
            with(
                small_order(),
                "creditCardNumber",
                json!(4_111_111_111_111_111_i64),
            ),
            "creditCardNumber",
        ),
    ];
    for (body, field) in cases {
        let refused = shop.place_new(&body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    assert_eq!(shop.database.orders().await, 0);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
}

#[tokio::test]
async fn card_numbers_are_refused_unless_the_gateway_is_the_sandbox() {
    let mut shop = Shop::open().await;
    shop.api.process.kill();
    shop.restart(&[("OMS_STRIPE_API_URL", "https://127.0.0.1:1")])
        .await;
    for body in [
        small_order(),
        with(small_order(), "paymentMethod", json!("pm_card_visa")),
    ] {
        let refused = shop.place_new(&body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["creditCardNumber"]);
        let message = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("paymentMethod"), "{message}");
    }
    assert_eq!(shop.database.orders().await, 0);
}
