//! Routing previews, and the explanations of routing decisions.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{
    ATLANTA, SCARCE, SPLIT_EAST, SPLIT_WEST, UNKNOWN_ADDRESS, WIDGET_A, WIDGET_B, order, with,
};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

/// The members of an order that a preview needs.
fn wanted(address: &str, items: &[(&str, i64)]) -> Value {
    let order = order(address, items);
    json!({ "shippingAddress": order["shippingAddress"], "items": order["items"] })
}

async fn preview(shop: &Shop, body: &Value) -> Answer {
    let request = shop.customer().post("/routing/preview").json(body);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_preview_names_the_warehouse_of_an_order_without_placing_it() {
    let shop = Shop::open().await;
    let before = shop.database.levels().await;
    let items = [(WIDGET_A, 1), (WIDGET_B, 2)];
    let preview = preview(&shop, &wanted(ATLANTA, &items)).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(shop.database.levels().await, before);
    assert_eq!(shop.database.orders().await, 0);
    assert_eq!(shop.sandbox.calls("create").await, 0);

    // An order placed afterwards comes from the same warehouse, for the same price and reasons.
    let placed = shop.place_new(&order(ATLANTA, &items)).await;
    let read = shop.order(&placed.order_id()).await;
    for member in ["warehouseId", "warehouseName", "total", "items", "routing"] {
        assert_eq!(preview.body[member], read[member], "{member}");
    }
    assert_eq!(
        read["routing"]["explanation"],
        "Atlanta Distribution Center is the nearest warehouse, and has everything that was ordered."
    );
}

#[tokio::test]
async fn the_explanation_says_why_a_nearer_warehouse_was_passed_over() {
    let shop = Shop::open().await;
    let items = [(SCARCE, 10)];
    let preview = preview(&shop, &wanted(ATLANTA, &items)).await;
    assert_eq!(
        preview.body["warehouseId"], CHICAGO_WAREHOUSE,
        "{preview:?}"
    );
    let placed = shop.place_new(&order(ATLANTA, &items)).await;
    let read = shop.order(&placed.order_id()).await;
    assert_eq!(read["routing"], preview.body["routing"]);

    let nearest = &read["routing"]["candidates"][0];
    assert_eq!(nearest["warehouseId"], ATLANTA_WAREHOUSE);
    assert_eq!(nearest["distanceM"], 979);
    assert_eq!(
        nearest["explanation"],
        "Atlanta Distribution Center is 979 m away but has only 3 of the 10 units of SCARCE that were ordered."
    );
    let chosen = &read["routing"]["candidates"][1];
    assert_eq!(chosen["outcome"], "chosen");
    assert_eq!(
        chosen["explanation"],
        "Chicago Fulfillment Hub is 947 km away and has everything that was ordered."
    );
}

#[tokio::test]
async fn a_preview_that_no_warehouse_can_fill_explains_why() {
    let shop = Shop::open().await;
    let split = wanted(ATLANTA, &[(SPLIT_EAST, 1), (SPLIT_WEST, 1)]);
    let preview = preview(&shop, &split).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(preview.body["warehouseId"], Value::Null);
    assert_eq!(preview.body["warehouseName"], Value::Null);
    assert_eq!(
        preview.body["routing"]["explanation"],
        "No single warehouse has everything that was ordered."
    );
    let candidates = preview.body["routing"]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 5, "{preview:?}");
    for candidate in candidates {
        assert_eq!(candidate["outcome"], "passed_over", "{candidate}");
        let told = candidate["explanation"].as_str().unwrap();
        assert!(told.contains("but has no"), "{told}");
    }
}

#[tokio::test]
async fn an_order_that_would_be_refused_can_t_be_previewed() {
    let shop = Shop::open().await;
    let good = wanted(ATLANTA, &[(WIDGET_A, 1)]);
    let twice = wanted(ATLANTA, &[(WIDGET_A, 1), (WIDGET_A, 2)]);
    let stranger = "99999999-9999-4999-8999-999999999999";
    for (body, status, code, field) in [
        (
            wanted(UNKNOWN_ADDRESS, &[(WIDGET_A, 1)]),
            400,
            "geocoding.address_not_found",
            None,
        ),
        (wanted(ATLANTA, &[]), 400, "request.invalid", Some("items")),
        (twice, 400, "request.invalid", Some("items[1].productId")),
        (
            wanted(ATLANTA, &[(WIDGET_A, 0)]),
            400,
            "request.invalid",
            Some("items[0].quantity"),
        ),
        (
            with(good.clone(), "customerId", json!(stranger)),
            400,
            "request.invalid",
            Some("customerId"),
        ),
        (
            wanted(ATLANTA, &[(stranger, 1)]),
            422,
            "orders.unknown_product",
            Some("items[0].productId"),
        ),
        (
            wanted(ATLANTA, &[(WIDGET_A, 1_000_000)]),
            422,
            "orders.total_too_large",
            None,
        ),
    ] {
        let refused = preview(&shop, &body).await;
        refused.assert_problem(status, code);
        assert_eq!(refused.fields(), Vec::from_iter(field), "{refused:?}");
    }
    let euros = shop.another_api(&[("OMS_CURRENCY", "EUR")]).await;
    let request = shop.customer_of(&euros).post("/routing/preview");
    let refused = Answer::of(request.json(&good).send().await.unwrap()).await;
    refused.assert_problem(422, "orders.product_not_sold");
    let wrong_method = shop.get("/routing/preview").await;
    wrong_method.assert_problem(405, "request.method_not_allowed");
}

#[tokio::test]
async fn a_preview_ignores_other_tenants() {
    let shop = Shop::open().await;
    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let stranger = shop.another_api(&elsewhere).await;
    let request = shop.customer_of(&stranger).post("/routing/preview");
    let body = wanted(ATLANTA, &[(WIDGET_A, 1)]);
    let refused = Answer::of(request.json(&body).send().await.unwrap()).await;
    refused.assert_problem(422, "orders.unknown_product");
}
