//! Receiving, adjusting and transferring stock, safety stock, and the audit trail.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, with};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE, Stock};

const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

fn lines(lines: &[(&str, i64)]) -> Value {
    let line =
        |(product, quantity): &(&str, i64)| json!({ "productId": product, "quantity": quantity });
    lines.iter().map(line).collect()
}

fn at_atlanta(product: &str, quantity: i64) -> Value {
    json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": lines(&[(product, quantity)]), "reason": "counted" })
}

fn to_chicago(quantity: i64) -> Value {
    json!({
        "fromWarehouseId": ATLANTA_WAREHOUSE,
        "toWarehouseId": CHICAGO_WAREHOUSE,
        "lines": lines(&[(WIDGET_A, quantity)]),
    })
}

#[tokio::test]
async fn repeated_receipts_with_one_key_are_booked_once() {
    let shop = Shop::open().await;
    let before = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    let (key, body) = (new_key(), at_atlanta(WIDGET_A, 7));
    let path = "/stock-levels/receive";
    let received = shop.post_once(path, &key, &body).await;
    assert_eq!(received.status, 201, "{received:?}");
    let again = shop.post_once(path, &key, &body).await;
    assert_eq!((again.status, &again.body), (200, &received.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    for (path, body) in [
        (path, at_atlanta(WIDGET_A, 8)),
        ("/stock-levels/adjust", body),
    ] {
        let other = shop.post_once(path, &key, &body).await;
        other.assert_problem(422, "inventory.idempotency_key_reused");
    }
    let after = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(after.on_hand, before.on_hand + 7);

    let trail = format!("/stock-movements?warehouseId={ATLANTA_WAREHOUSE}&productId={WIDGET_A}");
    let trail = shop.pages(&trail, 1).await;
    assert_eq!(trail.len(), 2);
    assert_eq!(trail[0], received.body["movements"][0]);
    assert_eq!(trail[0]["changeId"], received.body["changeId"]);
    assert_eq!(
        (&trail[0]["kind"], &trail[0]["quantity"]),
        (&json!("receipt"), &json!(7))
    );
    assert_eq!(
        (&trail[0]["reason"], &trail[0]["actor"]),
        (&json!("counted"), &json!("operator:local"))
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn every_movement_names_the_api_key_that_made_it() {
    let shop = Shop::open().await;
    let key = shop.key("ann.lee", "inventory:write").await;
    for (path, body) in [
        ("/stock-levels/receive", at_atlanta(WIDGET_A, 1)),
        ("/stock-levels/adjust", at_atlanta(WIDGET_A, -1)),
        ("/stock-levels/transfer", to_chicago(1)),
    ] {
        let request = shop.customer().post(path).bearer_auth(&key);
        let request = request.header("idempotency-key", new_key()).json(&body);
        let made = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(made.status, 201, "{made:?}");
        for movement in made.body["movements"].as_array().unwrap() {
            assert_eq!(movement["actor"], "operator:ann.lee");
        }
    }
}

#[tokio::test]
async fn reserved_units_can_t_be_adjusted_or_transferred_away() {
    let shop = Shop::open().await;
    shop.place_new(&order(ATLANTA, &[(WIDGET_A, 3)]))
        .await
        .assert_created();
    let on_hand = shop
        .database
        .stock(ATLANTA_WAREHOUSE, WIDGET_A)
        .await
        .on_hand;
    let all = at_atlanta(WIDGET_A, -on_hand);
    let levels = shop.database.levels().await;
    for (path, body) in [
        ("/stock-levels/adjust", &all),
        ("/stock-levels/transfer", &to_chicago(on_hand)),
    ] {
        let refused = shop.post_once(path, &new_key(), body).await;
        refused.assert_problem(422, "inventory.insufficient_stock");
        assert_eq!(refused.body["shortfalls"][0]["removable"], on_hand - 3);
    }
    assert_eq!(shop.database.levels().await, levels);
    let free = at_atlanta(WIDGET_A, 3 - on_hand);
    let adjusted = shop
        .post_once("/stock-levels/adjust", &new_key(), &free)
        .await;
    assert_eq!(adjusted.status, 201, "{adjusted:?}");
    let left = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(
        left,
        Stock {
            on_hand: 3,
            reserved: 3
        }
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_transfer_changes_both_warehouses_together() {
    let shop = Shop::open().await;
    let on_hand = async |warehouse| shop.database.stock(warehouse, WIDGET_A).await.on_hand;
    let before = (
        on_hand(ATLANTA_WAREHOUSE).await,
        on_hand(CHICAGO_WAREHOUSE).await,
    );
    let moved = shop
        .post_once("/stock-levels/transfer", &new_key(), &to_chicago(5))
        .await;
    assert_eq!(moved.status, 201, "{moved:?}");
    let after = (
        on_hand(ATLANTA_WAREHOUSE).await,
        on_hand(CHICAGO_WAREHOUSE).await,
    );
    assert_eq!(after, (before.0 - 5, before.1 + 5));
    let kinds = [
        &moved.body["movements"][0]["kind"],
        &moved.body["movements"][1]["kind"],
    ];
    assert_eq!(kinds, ["transfer_out", "transfer_in"]);
    let itself = with(to_chicago(1), "toWarehouseId", json!(ATLANTA_WAREHOUSE));
    let refused = shop
        .post_once("/stock-levels/transfer", &new_key(), &itself)
        .await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["toWarehouseId"]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_new_product_is_received_and_then_sold() {
    let shop = Shop::open().await;
    let price = json!([{ "amountMinor": 500, "currency": "USD" }]);
    let lamp = json!({ "sku": "LAMP", "name": "Lamp", "prices": price });
    let lamp = shop.post_once("/products", &new_key(), &lamp).await;
    let lamp = lamp.body["id"].as_str().unwrap();
    let wanted = order(ATLANTA, &[(lamp, 2)]);
    shop.place_new(&wanted)
        .await
        .assert_problem(422, "orders.no_single_warehouse");
    shop.post_once("/stock-levels/receive", &new_key(), &at_atlanta(lamp, 2))
        .await;
    shop.place_new(&wanted).await.assert_created();
    let levels = shop.pages("/stock-levels?sku=LAMP", 1).await;
    let level = json!({
        "warehouseId": ATLANTA_WAREHOUSE,
        "warehouseName": "Atlanta Distribution Center",
        "productId": lamp,
        "sku": "LAMP",
        "onHand": 2,
        "reserved": 2,
        "backordered": 0,
        "quarantined": 0,
        "safetyStock": 0,
        "available": 0,
    });
    assert_eq!(levels, [level]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn levels_are_filtered_by_warehouse_product_sku_and_available_units() {
    let shop = Shop::open().await;
    let all = shop.pages("/stock-levels", 2).await;
    assert_eq!(all.len(), shop.database.levels().await.len());
    let of = |member: &'static str, value: &'static str| {
        let fits = move |level: &&Value| level[member] == value;
        all.iter().filter(fits).cloned().collect::<Vec<Value>>()
    };
    let by_warehouse = shop
        .pages(&format!("/stock-levels?warehouseId={ATLANTA_WAREHOUSE}"), 1)
        .await;
    assert_eq!(by_warehouse, of("warehouseId", ATLANTA_WAREHOUSE));
    let by_product = shop
        .pages(&format!("/stock-levels?productId={WIDGET_B}"), 1)
        .await;
    assert_eq!(by_product, of("productId", WIDGET_B));
    assert!(!by_product.is_empty() && !by_warehouse.is_empty());
    let both = format!("/stock-levels?warehouseId={ATLANTA_WAREHOUSE}&productId={WIDGET_A}");
    assert_eq!(shop.pages(&both, 1).await.len(), 1);
    let few = shop.pages("/stock-levels?belowAvailable=10", 2).await;
    let is_few = |level: &&Value| level["available"].as_i64().unwrap() < 10;
    assert_eq!(
        few,
        all.iter().filter(is_few).cloned().collect::<Vec<Value>>()
    );
    assert_eq!(
        shop.pages("/stock-levels?sku=nothing", 1).await,
        Vec::<Value>::new()
    );
    for (query, field) in [
        ("productId=x", "productId"),
        ("belowAvailable=-1", "belowAvailable"),
    ] {
        let refused = shop.get(&format!("/stock-levels?{query}")).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field]);
    }
    let kinds = shop.get("/stock-movements?kind=theft").await;
    kinds.assert_problem(400, "request.invalid");
}

#[tokio::test]
async fn safety_stock_is_changed_only_with_its_current_version() {
    let shop = Shop::open().await;
    let path = format!("/stock-levels/{ATLANTA_WAREHOUSE}/{WIDGET_A}/safety-stock");
    let read = shop.get(&path).await;
    assert_eq!((read.status, &read.body), (200, &json!({ "quantity": 0 })));
    let tag = read.header("etag").unwrap();
    let five = json!({ "quantity": 5 });
    let blind = shop.change(Method::PUT, &path, None, &five).await;
    blind.assert_problem(428, "request.precondition_required");
    let set = shop.change(Method::PUT, &path, Some(tag), &five).await;
    assert_eq!((set.status, &set.body), (200, &five));
    let late = shop
        .change(Method::PUT, &path, Some(tag), &json!({ "quantity": 6 }))
        .await;
    late.assert_problem(412, "request.precondition_failed");
    assert_eq!(shop.get(&path).await.body, five);
    let negative = shop
        .change(Method::PUT, &path, Some("*"), &json!({ "quantity": -1 }))
        .await;
    negative.assert_problem(400, "request.invalid");
    let nowhere = format!("/stock-levels/{ATLANTA_WAREHOUSE}/{NOBODY}/safety-stock");
    let nowhere = shop.change(Method::PUT, &nowhere, Some("*"), &five).await;
    nowhere.assert_problem(404, "inventory.stock_level_not_found");
}

#[tokio::test]
async fn the_error_of_an_invalid_change_names_it_and_nothing_changes() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    let (receive, adjust) = ("/stock-levels/receive", "/stock-levels/adjust");
    let twice = lines(&[(WIDGET_A, 1), (WIDGET_A, 1)]);
    for (path, body, field) in [
        (receive, at_atlanta(WIDGET_A, 0), "lines[0].quantity"),
        (
            receive,
            at_atlanta(WIDGET_A, 1_000_001),
            "lines[0].quantity",
        ),
        (adjust, at_atlanta(WIDGET_A, 0), "lines[0].quantity"),
        (
            adjust,
            with(at_atlanta(WIDGET_A, 1), "reason", Value::Null),
            "reason",
        ),
        (
            adjust,
            with(at_atlanta(WIDGET_A, 1), "reason", json!(" ")),
            "reason",
        ),
        (
            adjust,
            with(at_atlanta(WIDGET_A, 1), "lines", json!([])),
            "lines",
        ),
        (
            adjust,
            with(at_atlanta(WIDGET_A, 1), "lines", twice),
            "lines[1].productId",
        ),
    ] {
        let refused = shop.post_once(path, &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{refused:?}");
    }
    let unknown = shop
        .post_once(receive, &new_key(), &at_atlanta(NOBODY, 1))
        .await;
    unknown.assert_problem(422, "inventory.unknown_product");
    assert_eq!(unknown.body["productIds"], json!([NOBODY]));
    let unknown = with(at_atlanta(WIDGET_A, 1), "warehouseId", json!(NOBODY));
    let unknown = shop.post_once(receive, &new_key(), &unknown).await;
    unknown.assert_problem(422, "inventory.unknown_warehouse");
    let keyless = shop.customer().post(receive).json(&at_atlanta(WIDGET_A, 1));
    let keyless = Answer::of(keyless.send().await.unwrap()).await;
    keyless.assert_problem(400, "request.invalid_header");
    assert_eq!(shop.database.levels().await, levels);
}
