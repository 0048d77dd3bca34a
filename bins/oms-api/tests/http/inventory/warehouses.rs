//! Warehouses, managed by operators.

use reqwest::Method;
use serde_json::{Value, json};

use crate::request::{ATLANTA, UNKNOWN_ADDRESS, new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

fn warehouse(name: &str) -> Value {
    json!({ "name": name, "location": { "lat": 47.6, "lng": -122.3 } })
}

#[tokio::test]
async fn a_warehouse_is_created_once_per_key_and_read_back() {
    let shop = Shop::open().await;
    let (key, body) = (new_key(), warehouse("Seattle"));
    let created = shop.post_once("/warehouses", &key, &body).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(created.body["active"], true);
    assert_eq!(
        created.body["location"],
        json!({ "lat": 47.6, "lng": -122.3 })
    );
    let path = created.header("location").unwrap();
    assert_eq!(shop.get(path).await.body, created.body);

    let again = shop.post_once("/warehouses", &key, &body).await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = shop
        .post_once("/warehouses", &key, &warehouse("Portland"))
        .await;
    other.assert_problem(422, "inventory.idempotency_key_reused");
    let twin = shop.post_once("/warehouses", &new_key(), &body).await;
    twin.assert_problem(409, "inventory.warehouse_name_taken");
    assert_eq!(shop.pages("/warehouses", 4).await.len(), 6);
}

#[tokio::test]
async fn an_address_is_looked_up_and_an_unknown_one_is_refused() {
    let shop = Shop::open().await;
    let at = |address: &str| json!({ "name": "new", "address": address });
    let key = new_key();
    let unknown = shop
        .post_once("/warehouses", &key, &at(UNKNOWN_ADDRESS))
        .await;
    unknown.assert_problem(400, "geocoding.address_not_found");
    let nowhere = shop
        .post_once("/warehouses", &key, &json!({ "name": "new" }))
        .await;
    nowhere.assert_problem(400, "request.invalid");
    assert_eq!(nowhere.fields(), ["location"]);
    // A refused request does not use up its key.
    let created = shop.post_once("/warehouses", &key, &at(ATLANTA)).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["address"], ATLANTA);
    assert_eq!(created.body["location"]["lat"], 33.7578);
}

#[tokio::test]
async fn of_two_changes_of_one_version_the_second_is_refused() {
    let shop = Shop::open().await;
    let path = format!("/warehouses/{ATLANTA_WAREHOUSE}");
    let rename = |name: &str| json!({ "name": name });
    let blind = shop.change(Method::PATCH, &path, None, &rename("A")).await;
    blind.assert_problem(428, "request.precondition_required");
    let first = shop
        .change(Method::PATCH, &path, Some("\"1\""), &rename("A"))
        .await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"2\"")));
    let second = shop
        .change(Method::PATCH, &path, Some("\"1\""), &rename("B"))
        .await;
    second.assert_problem(412, "request.precondition_failed");
    assert_eq!(second.body["version"], 2);
    assert_eq!(shop.get(&path).await.body["name"], "A");

    let empty = shop
        .change(Method::PATCH, &path, Some("*"), &json!({}))
        .await;
    empty.assert_problem(400, "request.invalid");
    let taken = rename("Chicago Fulfillment Hub");
    let names = shop.pages("/warehouses", 100).await;
    assert!(
        names.iter().any(|other| other["name"] == taken["name"]),
        "{names:?}"
    );
    let taken = shop.change(Method::PATCH, &path, Some("*"), &taken).await;
    taken.assert_problem(409, "inventory.warehouse_name_taken");
    let nobody = "/warehouses/99999999-9999-4999-8999-999999999999";
    for path in [nobody, "/warehouses/x"] {
        let missing = shop
            .change(Method::PATCH, path, Some("*"), &rename("C"))
            .await;
        missing.assert_problem(404, "inventory.warehouse_not_found");
        shop.get(path)
            .await
            .assert_problem(404, "inventory.warehouse_not_found");
    }
}

#[tokio::test]
async fn an_inactive_warehouse_gets_no_orders_until_it_is_active_again() {
    let shop = Shop::open().await;
    let path = format!("/warehouses/{ATLANTA_WAREHOUSE}");
    let placed_at = async || {
        let placed = shop.place_new(&small_order()).await;
        placed.assert_created();
        placed.body["warehouseId"].clone()
    };
    assert_eq!(placed_at().await, ATLANTA_WAREHOUSE);
    let off = shop
        .change(Method::PATCH, &path, Some("*"), &json!({ "active": false }))
        .await;
    assert_eq!(off.body["active"], false, "{off:?}");
    assert_ne!(placed_at().await, ATLANTA_WAREHOUSE);
    let inactive = shop.pages("/warehouses?active=false", 1).await;
    assert_eq!(inactive.len(), 1);
    assert_eq!(inactive[0]["id"], ATLANTA_WAREHOUSE);
    assert_eq!(shop.pages("/warehouses?active=true", 3).await.len(), 4);
    shop.change(
        Method::PATCH,
        &path,
        Some("\"2\""),
        &json!({ "active": true }),
    )
    .await;
    assert_eq!(placed_at().await, ATLANTA_WAREHOUSE);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_invalid_fields_of_a_warehouse_or_a_query_are_named() {
    let shop = Shop::open().await;
    let off_the_earth = json!({ "lat": 91.0, "lng": 0.0 });
    for (body, field) in [
        (with(warehouse("x"), "name", json!("")), "name"),
        (with(warehouse("x"), "name", json!("a\nb")), "name"),
        (with(warehouse("x"), "location", off_the_earth), "location"),
        (
            with(warehouse("x"), "address", json!("a".repeat(501))),
            "address",
        ),
        (with(warehouse("x"), "colour", json!("red")), "colour"),
    ] {
        let refused = shop.post_once("/warehouses", &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{refused:?}");
    }
    for (query, field) in [
        ("active=maybe", "active"),
        ("cursor=x", "cursor"),
        ("sort=name", "sort"),
    ] {
        let refused = shop.get(&format!("/warehouses?{query}")).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field]);
    }
}
