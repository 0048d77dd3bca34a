//! Orders that succeed, and the warehouses that fill them.

use reqwest::Method;
use serde_json::json;

use crate::answer::Answer;
use crate::request::{
    ATLANTA, CHICAGO, GADGET_C, PHOENIX, SCARCE, SPLIT_EAST, SPLIT_WEST, WIDGET_A, WIDGET_B,
    new_key, order, small_order,
};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE, PHOENIX_WAREHOUSE, Stock};

#[tokio::test]
async fn a_healthy_server_reports_its_health() {
    let shop = Shop::open().await;
    let health = shop.get("/health").await;
    assert_eq!(
        (health.status, health.body),
        (200, json!({ "status": "ok" }))
    );
    assert_eq!(shop.get("/health/live").await.status, 200);
    let ready = shop.get("/health/ready").await;
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.body["checks"],
        json!({ "database": "ok", "migrations": "ok", "batches": "ok" })
    );
}

#[tokio::test]
async fn an_order_is_routed_to_the_nearest_warehouse_held_and_charged() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 2)])).await;
    placed.assert_created();
    assert_eq!(placed.body["warehouseId"], ATLANTA_WAREHOUSE);
    assert_eq!(placed.body["warehouseName"], "Atlanta Distribution Center");
    let total = json!({ "amountMinor": 2000, "currency": "USD" });
    assert_eq!(placed.body["total"], total);
    assert_eq!(placed.body["items"][0]["productId"], WIDGET_A);
    assert_eq!(placed.body["items"][0]["quantity"], 2);

    assert_eq!(shop.sandbox.charged(&placed.order_id()).await, (1, 2000));
    let stock = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(
        stock,
        Stock {
            on_hand: 50,
            reserved: 2
        }
    );
    assert_eq!(shop.database.reserved(WIDGET_A).await, 2);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_shows_its_payment_and_why_its_warehouse_was_chosen() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 2)])).await;
    let read = shop.order(&placed.order_id()).await;
    for member in [
        "orderId",
        "status",
        "customerId",
        "warehouseId",
        "warehouseName",
        "total",
        "items",
        "createdAt",
    ] {
        assert_eq!(read[member], placed.body[member], "{member}");
    }
    assert_eq!(read["shippingAddress"], ATLANTA);
    assert_eq!(read["payment"]["state"], "paid");
    assert_eq!(read["payment"]["amount"], placed.body["total"]);
    let intents = shop.sandbox.order(&placed.order_id()).await["intents"].clone();
    assert_eq!(read["payment"]["reference"], intents[0]["id"]);
    let candidates = read["routing"]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 1, "{candidates:?}");
    assert_eq!(candidates[0]["outcome"], "chosen");

    for unknown in [
        new_key().as_str(),
        "4711",
        "00000000-0000-0000-0000-000000000000",
    ] {
        let answer = shop.get(&format!("/orders/{unknown}")).await;
        answer.assert_problem(404, "orders.not_found");
    }
}

#[tokio::test]
async fn the_lines_of_an_order_are_charged_together() {
    let shop = Shop::open().await;
    let basket = order(ATLANTA, &[(WIDGET_A, 1), (WIDGET_B, 2)]);
    let placed = shop.place_new(&basket).await;
    placed.assert_created();
    assert_eq!(shop.sandbox.charged(&placed.order_id()).await, (1, 4000));
    assert_eq!(placed.body["items"][1]["unitPrice"]["amountMinor"], 1500);
    assert_eq!(placed.body["items"][1]["total"]["amountMinor"], 3000);
    assert_eq!(
        shop.database
            .stock(ATLANTA_WAREHOUSE, WIDGET_B)
            .await
            .reserved,
        2
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_for_phoenix_comes_from_phoenix() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&order(PHOENIX, &[(WIDGET_A, 1)])).await;
    placed.assert_created();
    assert_eq!(placed.body["warehouseId"], PHOENIX_WAREHOUSE);
    assert_eq!(placed.body["warehouseName"], "Phoenix Warehouse");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_that_no_single_warehouse_can_fill_changes_nothing() {
    let shop = Shop::open().await;
    let before = shop.database.levels().await;
    for items in [&[(SPLIT_EAST, 1), (SPLIT_WEST, 1)][..], &[(SCARCE, 51)]] {
        let refused = shop.place_new(&order(ATLANTA, items)).await;
        refused.assert_problem(422, "orders.no_single_warehouse");
    }
    assert_eq!(shop.database.levels().await, before);
    assert_eq!(shop.database.orders().await, 0);
    assert_eq!(shop.sandbox.calls("create").await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_that_the_nearest_warehouse_cannot_fill_comes_from_the_next() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&order(ATLANTA, &[(SCARCE, 10)])).await;
    placed.assert_created();
    assert_eq!(placed.body["warehouseId"], CHICAGO_WAREHOUSE);
    assert_eq!(
        shop.database
            .stock(ATLANTA_WAREHOUSE, SCARCE)
            .await
            .reserved,
        0
    );

    let read = shop.order(&placed.order_id()).await;
    let candidates = &read["routing"]["candidates"];
    assert_eq!(candidates[0]["warehouseId"], ATLANTA_WAREHOUSE);
    assert_eq!(candidates[0]["outcome"], "passed_over");
    assert_eq!(candidates[0]["shortages"][0]["productId"], SCARCE);
    assert_eq!(candidates[1]["warehouseId"], CHICAGO_WAREHOUSE);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refusal_does_not_use_up_its_key() {
    let shop = Shop::open().await;
    let key = new_key();
    let refused = shop.place(&key, &order(ATLANTA, &[(SCARCE, 51)])).await;
    refused.assert_problem(422, "orders.no_single_warehouse");
    // Even another body is accepted, because the key belongs to no order yet.
    shop.place(&key, &small_order()).await.assert_created();
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_last_units_can_be_bought_and_no_more() {
    let shop = Shop::open().await;
    shop.database
        .leave_only_in(CHICAGO_WAREHOUSE, GADGET_C)
        .await;
    let all = order(CHICAGO, &[(GADGET_C, 50)]);
    shop.place_new(&all).await.assert_created();
    let refused = shop.place_new(&order(CHICAGO, &[(GADGET_C, 1)])).await;
    refused.assert_problem(422, "orders.no_single_warehouse");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_unchanged_order_is_answered_304() {
    let shop = Shop::open().await;
    let path = format!(
        "/orders/{}",
        shop.place_new(&small_order()).await.order_id()
    );
    let tag = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let read = async |known: &str| {
        let request = shop.customer().request(Method::GET, &path);
        let request = request.header("if-none-match", known);
        Answer::of(request.send().await.unwrap()).await
    };
    let first = shop.get(&path).await;
    assert_eq!(first.status, 200, "{first:?}");
    let first_tag = tag(&first);
    for known in [&first_tag, &format!("\"x\", W/{first_tag}"), "*"] {
        let again = read(known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(tag(&again), first_tag);
    }
    let other = read("\"x\"").await;
    assert_eq!((other.status, &other.body), (200, &first.body));

    let cancel = shop.customer().post(&format!("{path}/cancel"));
    assert_eq!(cancel.send().await.unwrap().status(), 200);
    let changed = read(&first_tag).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["status"], "CANCELLED");
    assert_ne!(tag(&changed), first_tag);
}
