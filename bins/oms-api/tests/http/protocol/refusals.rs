//! Refused requests: each error names the problem, and none leaves a trace.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;
use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, small_order, with};
use crate::shop::Shop;

/// Sends a body as text in an otherwise valid request.
async fn place_text(shop: &Shop, content_type: &str, text: impl Into<String>) -> Answer {
    let request = shop
        .customer()
        .post("/orders")
        .header("idempotency-key", new_key());
    let request = request
        .header("content-type", content_type)
        .body(text.into());
    Answer::of(request.send().await.unwrap()).await
}

async fn assert_no_trace(shop: &Shop, levels: &[Vec<String>]) {
    assert_eq!(shop.database.levels().await, levels);
    assert_eq!(shop.database.orders().await, 0);
    assert_eq!(shop.sandbox.calls("create").await, 0);
}

#[tokio::test]
async fn an_order_without_a_key_is_refused() {
    let shop = Shop::open().await;
    let request = shop.customer().post("/orders").json(&small_order());
    let refused = Answer::of(request.send().await.unwrap()).await;
    refused.assert_problem(400, "request.invalid_header");
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn the_same_product_in_two_lines_is_refused() {
    let shop = Shop::open().await;
    let twice = order(ATLANTA, &[(WIDGET_A, 1), (WIDGET_B, 1), (WIDGET_A, 2)]);
    let refused = shop.place_new(&twice).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["items[2].productId"]);
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn bodies_that_are_not_an_order_are_refused() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let good = small_order().to_string();
    for malformed in [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        "\"order\"",
        "{\"items\": [}",
        &format!("{good} {good}"),
    ] {
        let refused = place_text(&shop, "application/json", malformed).await;
        refused.assert_problem(400, "request.invalid");
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "json",
    ] {
        let refused = place_text(&shop, content_type, &good).await;
        refused.assert_problem(415, "request.unsupported_media_type");
    }
    assert_no_trace(&shop, &levels).await;
    let taken = place_text(&shop, "Application/JSON; charset=UTF-8", good).await;
    taken.assert_created();
}

#[tokio::test]
async fn fields_that_are_unknown_or_missing_are_named() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let mut priced = small_order();
    priced["items"][0]["price"] = json!(1);
    let mut without_quantity = small_order();
    without_quantity["items"][0]
        .as_object_mut()
        .unwrap()
        .remove("quantity");
    let cases = [
        (with(small_order(), "discount", json!(1)), "discount"),
        (priced, "items[0].price"),
        (with(small_order(), "customerId", Value::Null), "customerId"),
        (
            with(small_order(), "shippingAddress", Value::Null),
            "shippingAddress",
        ),
        (with(small_order(), "items", Value::Null), "items"),
        (without_quantity, "items[0].quantity"),
    ];
    for (body, field) in cases {
        let refused = shop.place_new(&body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    assert_no_trace(&shop, &levels).await;
}

#[tokio::test]
async fn invalid_values_are_refused_and_their_field_named() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let quantity = |quantity: Value| {
        let mut body = small_order();
        body["items"][0]["quantity"] = quantity;
        body
    };
    let product = |product: &str| order(ATLANTA, &[(product, 1)]);
    let nil = Uuid::nil().to_string();
    let many = |count: usize| {
        let items = (0..count).map(|_| json!({ "productId": new_key(), "quantity": 1 }));
        with(small_order(), "items", items.collect())
    };
    let cases = [
        (quantity(json!(0)), "items[0].quantity"),
        (quantity(json!(-1)), "items[0].quantity"),
        (quantity(json!(1.5)), "items[0].quantity"),
        (quantity(json!("2")), "items[0].quantity"),
        (quantity(json!(2_147_483_648_i64)), "items[0].quantity"),
        (quantity(json!(1e300)), "items[0].quantity"),
        (quantity(json!(null)), "items[0].quantity"),
        (many(0), "items"),
        (many(101), "items"),
        (product("WIDGET-A"), "items[0].productId"),
        (product(""), "items[0].productId"),
        (product(&nil), "items[0].productId"),
        (
            with(small_order(), "customerId", json!("customer 1")),
            "customerId",
        ),
        (with(small_order(), "customerId", json!(nil)), "customerId"),
    ];
    for (body, field) in cases {
        let refused = shop.place_new(&body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    assert_no_trace(&shop, &levels).await;
}

#[tokio::test]
async fn unknown_products_are_each_named() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let (one, other) = (new_key(), new_key());
    let refused = shop
        .place_new(&order(ATLANTA, &[(&one, 1), (WIDGET_A, 1), (&other, 1)]))
        .await;
    refused.assert_problem(422, "orders.unknown_product");
    assert_eq!(
        refused.fields(),
        ["items[0].productId", "items[2].productId"]
    );
    let many: Vec<String> = (0..100).map(|_| new_key()).collect();
    let items: Vec<(&str, i64)> = many.iter().map(|id| (id.as_str(), 1)).collect();
    let refused = shop.place_new(&order(ATLANTA, &items)).await;
    assert_eq!(refused.fields().len(), 100);
    assert_no_trace(&shop, &levels).await;
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_problems_too() {
    let shop = Shop::open().await;
    for path in ["/order", "/orders/", "/orders/1/2", "/health/x"] {
        shop.get(path)
            .await
            .assert_problem(404, "request.route_not_found");
    }
    let cases = [
        (Method::PUT, "/orders", "GET, HEAD, POST, OPTIONS"),
        (Method::DELETE, "/orders", "GET, HEAD, POST, OPTIONS"),
        (Method::POST, "/orders/x", "GET, HEAD, OPTIONS"),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
    ];
    for (method, path, allowed) in cases {
        let request = shop.customer().request(method, path);
        let refused = Answer::of(request.send().await.unwrap()).await;
        refused.assert_problem(405, "request.method_not_allowed");
        assert_eq!(refused.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn an_order_above_the_gateway_s_maximum_amount_is_refused() {
    let shop = Shop::open().await;
    shop.database
        .execute("UPDATE inventory.prices SET unit_price_minor = 50000000")
        .await;
    shop.place_new(&order(ATLANTA, &[(WIDGET_A, 1)]))
        .await
        .assert_created();
    let refused = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 2)])).await;
    refused.assert_problem(422, "orders.total_too_large");
    shop.database.execute("DELETE FROM inventory.prices").await;
    let refused = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 1)])).await;
    refused.assert_problem(422, "orders.product_not_sold");
    assert_eq!(refused.fields(), ["items[0].productId"]);
    shop.assert_consistent().await;
}
