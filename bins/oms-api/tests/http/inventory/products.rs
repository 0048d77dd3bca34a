//! Products and their prices, managed by operators.

use reqwest::Method;
use serde_json::{Value, json};

use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

fn price(amount_minor: i64, currency: &str) -> Value {
    json!({ "amountMinor": amount_minor, "currency": currency })
}

fn lamp() -> Value {
    json!({ "sku": "LAMP-1", "name": "Lamp", "prices": [price(2500, "USD"), price(2300, "EUR")] })
}

#[tokio::test]
async fn a_product_is_created_once_per_key_and_found_by_its_sku() {
    let shop = Shop::open().await;
    let key = new_key();
    let created = shop.post_once("/products", &key, &lamp()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(
        created.body["prices"],
        json!([price(2300, "EUR"), price(2500, "USD")])
    );
    assert_eq!(
        shop.get(created.header("location").unwrap()).await.body,
        created.body
    );
    assert_eq!(
        shop.pages("/products?sku=LAMP-1", 1).await,
        std::slice::from_ref(&created.body)
    );
    assert_eq!(
        shop.pages("/products?sku=lamp-1", 1).await,
        Vec::<Value>::new()
    );
    assert_eq!(shop.pages("/products", 3).await.len(), 7);

    // The order of the prices is not significant.
    let prices = json!([price(2300, "EUR"), price(2500, "USD")]);
    let again = shop
        .post_once("/products", &key, &with(lamp(), "prices", prices))
        .await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    let other = shop
        .post_once("/products", &key, &with(lamp(), "name", json!("x")))
        .await;
    other.assert_problem(422, "inventory.idempotency_key_reused");
    let twin = shop.post_once("/products", &new_key(), &lamp()).await;
    twin.assert_problem(409, "inventory.sku_taken");
}

#[tokio::test]
async fn a_new_price_applies_to_later_orders_only() {
    let shop = Shop::open().await;
    let before = shop.place_new(&small_order()).await;
    let path = format!("/products/{WIDGET_A}");
    let change = json!({ "prices": [price(1234, "USD")] });
    let changed = shop
        .change(Method::PATCH, &path, Some("\"1\""), &change)
        .await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, Some("\"2\""))
    );
    assert_eq!(changed.body["prices"], change["prices"]);
    let after = shop.place_new(&small_order()).await;
    assert_eq!(after.body["total"], price(1234, "USD"));
    assert_eq!(
        shop.order(&before.order_id()).await["total"],
        price(1000, "USD")
    );

    let stale = shop
        .change(Method::PATCH, &path, Some("\"1\""), &change)
        .await;
    stale.assert_problem(412, "request.precondition_failed");
    let blind = shop.change(Method::PATCH, &path, None, &change).await;
    blind.assert_problem(428, "request.precondition_required");
    let none = shop
        .change(
            Method::PATCH,
            &path,
            Some("\"2\""),
            &json!({ "prices": [] }),
        )
        .await;
    assert_eq!(none.status, 200, "{none:?}");
    let unsold = shop.place_new(&small_order()).await;
    unsold.assert_problem(422, "orders.product_not_sold");
    let missing = shop
        .change(Method::PATCH, "/products/x", Some("*"), &change)
        .await;
    missing.assert_problem(404, "inventory.product_not_found");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_invalid_fields_of_a_product_are_named() {
    let shop = Shop::open().await;
    for (member, value, field) in [
        ("sku", json!(" "), "sku"),
        ("sku", json!("x".repeat(101)), "sku"),
        ("name", json!("x".repeat(201)), "name"),
        ("prices", json!([price(0, "USD")]), "prices"),
        (
            "prices",
            json!([price(1, "USD"), price(2, "USD")]),
            "prices",
        ),
        ("prices", json!([price(1, "usd")]), "prices[0].currency"),
        ("prices", json!([price(1, "ZZZ")]), "prices[0].currency"),
        ("prices", json!([price(1_000_000_000_000, "USD")]), "prices"),
    ] {
        let refused = shop
            .post_once("/products", &new_key(), &with(lamp(), member, value))
            .await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{refused:?}");
    }
    assert_eq!(shop.pages("/products", 100).await.len(), 6);
}
