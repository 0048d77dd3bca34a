//! Separation of tenants in the inventory, and inventory requests during database failures.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Api;
use crate::eventually::until;
use crate::request::{WIDGET_A, new_key, with};
use crate::shop::{Customer, Shop};
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

/// A tenant without any data.
const OTHER_STORE: &str = "00000000-0000-4000-8000-000000000002";

async fn other_store(shop: &Shop) -> (Api, Customer) {
    let api = shop.another_api(&[("OMS_TENANT_ID", OTHER_STORE)]).await;
    let customer = shop.customer_of(&api);
    (api, customer)
}

async fn send(
    customer: &Customer,
    method: Method,
    path: &str,
    key: &str,
    body: Option<&Value>,
) -> Answer {
    let request = customer.request(method, path);
    let mut request = request
        .header("idempotency-key", key)
        .header("if-match", "*");
    if let Some(body) = body {
        request = request.json(body);
    }
    Answer::of(request.send().await.unwrap()).await
}

fn receipt(quantity: i64) -> Value {
    json!({
        "warehouseId": ATLANTA_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": quantity }],
        "reason": "counted",
    })
}

#[tokio::test]
async fn another_tenant_can_neither_see_nor_change_the_inventory() {
    let shop = Shop::open().await;
    let (_api, stranger) = other_store(&shop).await;
    let levels = shop.database.levels().await;
    let warehouse = format!("/warehouses/{ATLANTA_WAREHOUSE}");
    let product = format!("/products/{WIDGET_A}");
    let created = json!({ "code": "wholesale", "currency": "USD" });
    let created = shop.post_once("/price-lists", &new_key(), &created).await;
    let list = created.header("location").unwrap().to_owned();
    let prices = format!("{list}/prices");
    let mine = json!({ "prices": [] });
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(&mine))] {
        let answer = send(&stranger, method, &prices, "k", body).await;
        answer.assert_problem(404, "inventory.price_list_not_found");
    }
    let safety = format!("/stock-levels/{ATLANTA_WAREHOUSE}/{WIDGET_A}/safety-stock");
    for (path, change, code) in [
        (
            &warehouse,
            json!({ "active": false }),
            "warehouse_not_found",
        ),
        (&product, json!({ "name": "Mine" }), "product_not_found"),
        (&list, json!({ "active": false }), "price_list_not_found"),
    ] {
        for (method, body) in [(Method::GET, None), (Method::PATCH, Some(&change))] {
            let answer = send(&stranger, method, path, "k", body).await;
            answer.assert_problem(404, &format!("inventory.{code}"));
        }
    }
    let five = json!({ "quantity": 5 });
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(&five))] {
        let answer = send(&stranger, method, &safety, "k", body).await;
        answer.assert_problem(404, "inventory.stock_level_not_found");
    }
    let transfer = json!({
        "fromWarehouseId": ATLANTA_WAREHOUSE,
        "toWarehouseId": CHICAGO_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": 1 }],
    });
    for (change, body) in [
        ("receive", receipt(1)),
        ("adjust", receipt(-1)),
        ("transfer", transfer),
    ] {
        let path = format!("/stock-levels/{change}");
        let answer = send(&stranger, Method::POST, &path, &new_key(), Some(&body)).await;
        answer.assert_problem(422, "inventory.unknown_warehouse");
    }
    for path in [
        "/warehouses",
        "/products",
        "/price-lists",
        "/stock-levels",
        "/stock-movements",
    ] {
        let list = send(&stranger, Method::GET, path, "k", None).await;
        assert_eq!((list.status, &list.body), (200, &json!({ "items": [] })));
        assert_ne!(shop.get(path).await.body["items"], json!([]), "{path}");
    }
    assert_eq!(shop.database.levels().await, levels);
    for path in [&warehouse, &product, &list] {
        assert_eq!(shop.get(path).await.body["version"], 1);
    }
}

#[tokio::test]
async fn two_tenants_may_use_the_same_key_name_and_sku() {
    let shop = Shop::open().await;
    let (_api, stranger) = other_store(&shop).await;
    let key = new_key();
    let place = json!({ "name": "Seattle", "location": { "lat": 47.6, "lng": -122.3 } });
    let lamp = json!({ "sku": "LAMP", "name": "Lamp" });
    let list = json!({ "code": "wholesale", "currency": "USD" });
    for (path, body) in [
        ("/warehouses", place),
        ("/products", lamp),
        ("/price-lists", list),
    ] {
        let key = format!("{key}{}", &path[1..]);
        let ours = shop.post_once(path, &key, &body).await;
        let theirs = send(&stranger, Method::POST, path, &key, Some(&body)).await;
        assert_eq!((ours.status, theirs.status), (201, 201), "{theirs:?}");
        assert_ne!(ours.body["id"], theirs.body["id"]);
    }
}

#[tokio::test]
async fn every_post_needs_a_key_and_replays_it_only_for_the_same_request() {
    let shop = Shop::open().await;
    let transfer = json!({
        "fromWarehouseId": ATLANTA_WAREHOUSE,
        "toWarehouseId": CHICAGO_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": 1 }],
    });
    let other_name = ("name", json!("another"));
    let other_reason = ("reason", json!("another"));
    for (path, body, (member, value)) in [
        (
            "/warehouses",
            json!({ "name": "Seattle", "location": { "lat": 47.6, "lng": -122.3 } }),
            other_name.clone(),
        ),
        (
            "/products",
            json!({ "sku": "LAMP", "name": "Lamp" }),
            other_name,
        ),
        (
            "/price-lists",
            json!({ "code": "wholesale", "currency": "USD" }),
            ("code", json!("another")),
        ),
        ("/stock-levels/receive", receipt(2), other_reason.clone()),
        ("/stock-levels/adjust", receipt(-1), other_reason.clone()),
        ("/stock-levels/transfer", transfer, other_reason.clone()),
        ("/stock-levels/quarantine", receipt(2), other_reason.clone()),
        (
            "/stock-levels/quarantine/release",
            receipt(1),
            other_reason.clone(),
        ),
        (
            "/stock-levels/quarantine/write-off",
            receipt(1),
            other_reason,
        ),
    ] {
        let keyless = shop.customer().post(path).json(&body).send().await.unwrap();
        let keyless = Answer::of(keyless).await;
        keyless.assert_problem(400, "request.invalid_header");
        let key = new_key();
        let first = shop.post_once(path, &key, &body).await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!(first.header("idempotent-replayed"), None);
        let levels = shop.database.levels().await;
        let again = shop.post_once(path, &key, &body).await;
        assert_eq!((again.status, &again.body), (200, &first.body), "{path}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.header("location"), first.header("location"));
        let other = shop.post_once(path, &key, &with(body, member, value)).await;
        other.assert_problem(422, "inventory.idempotency_key_reused");
        assert_eq!(shop.database.levels().await, levels, "{path}");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn without_its_database_the_inventory_answers_503_and_nothing_is_done_twice() {
    let mut shop = Shop::open().await;
    let maintenance = shop.database.maintenance().await;
    maintenance.take_away().await;
    let key = new_key();
    for path in [
        "/warehouses",
        "/products",
        "/price-lists",
        "/stock-levels",
        "/stock-movements",
    ] {
        let unread = shop.get(path).await;
        unread.assert_problem(503, "service.database_unavailable");
    }
    let refused = shop
        .post_once("/stock-levels/receive", &key, &receipt(3))
        .await;
    refused.assert_problem(503, "service.database_unavailable");
    maintenance.give_back().await;
    until("the server is healthy again", async || {
        shop.get("/health").await.status == 200
    })
    .await;
    shop.database.reconnect().await;
    let before = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    let received = shop
        .post_once("/stock-levels/receive", &key, &receipt(3))
        .await;
    assert_eq!(received.status, 201, "{received:?}");
    let after = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(after.on_hand, before.on_hand + 3);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn repeating_a_receipt_with_an_unknown_commit_books_it_once() {
    let shop = Shop::open().await;
    let before = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    shop.database
        .hold_commit_of("INSERT", "inventory.idempotency_keys")
        .await;
    let (customer, key) = (shop.customer(), new_key());
    let waiting = tokio::spawn({
        let key = key.clone();
        async move {
            let path = "/stock-levels/receive";
            send(&customer, Method::POST, path, &key, Some(&receipt(3))).await
        }
    });
    shop.database.commit_held().await;
    shop.database.cut_held_commit().await;
    let unknown = waiting.await.unwrap();
    unknown.assert_problem(503, "inventory.outcome_unknown");
    let received = shop
        .post_once("/stock-levels/receive", &key, &receipt(3))
        .await;
    assert_eq!(received.status, 201, "{received:?}");
    let after = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(after.on_hand, before.on_hand + 3);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_stock_level_above_its_maximum_is_refused() {
    let shop = Shop::open().await;
    shop.database.stock_up(999_999_900).await;
    for (change, body) in [
        ("receive", receipt(101)),
        ("adjust", receipt(101)),
        (
            "transfer",
            json!({
                "fromWarehouseId": CHICAGO_WAREHOUSE,
                "toWarehouseId": ATLANTA_WAREHOUSE,
                "lines": [{ "productId": WIDGET_A, "quantity": 101 }],
            }),
        ),
    ] {
        let path = format!("/stock-levels/{change}");
        let refused = shop.post_once(&path, &new_key(), &body).await;
        refused.assert_problem(422, "inventory.too_much_stock");
        assert_eq!(refused.body["productIds"], json!([WIDGET_A]));
    }
    shop.assert_consistent().await;
}
