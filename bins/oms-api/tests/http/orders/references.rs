//! External references of orders, and metadata that storefronts attach.

use serde_json::{Value, json};

use crate::request::{new_key, small_order, with};
use crate::shop::Shop;

/// An order for one unit, from a storefront with its own order numbers.
fn known_elsewhere() -> Value {
    let metadata = json!({ "channel": "app", "gift message": "for you\n♥" });
    let order = with(small_order(), "metadata", metadata);
    with(order, "externalReference", json!("Bestellung #1001"))
}

#[tokio::test]
async fn an_order_is_found_by_its_external_reference_and_shows_its_metadata() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&known_elsewhere()).await;
    placed.assert_created();
    shop.place_new(&small_order()).await.assert_created();
    let found = shop
        .get("/orders?externalReference=Bestellung%20%231001&status=PAID")
        .await;
    assert_eq!(
        found.body["items"].as_array().unwrap().len(),
        1,
        "{found:?}"
    );
    let read = shop.order(&placed.order_id()).await;
    for body in [&placed.body, &found.body["items"][0], &read] {
        assert_eq!(body["orderId"], placed.body["orderId"], "{body}");
        for member in ["externalReference", "metadata"] {
            assert_eq!(body[member], known_elsewhere()[member], "{body}");
        }
    }
    let other = shop.get("/orders?externalReference=bestellung").await;
    assert_eq!(other.body["items"], json!([]));
    let refused = shop.get("/orders?externalReference=a%0Ab").await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["externalReference"]);

    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let stranger = shop.another_api(&elsewhere).await;
    let theirs = shop
        .customer_of(&stranger)
        .get("/orders?externalReference=Bestellung%20%231001")
        .await;
    assert_eq!(theirs.body["items"], json!([]));
}

#[tokio::test]
async fn references_are_optional_and_need_not_be_unique() {
    let shop = Shop::open().await;
    let empty = with(small_order(), "metadata", json!({}));
    for order in [small_order(), empty] {
        let placed = shop.place_new(&order).await;
        placed.assert_created();
        assert_eq!(placed.body.get("externalReference"), None);
        assert_eq!(placed.body.get("metadata"), None);
    }
    let stored =
        "SELECT count(*) FROM orders.orders WHERE num_nulls(external_reference, metadata) = 2";
    assert_eq!(shop.database.number(stored).await, 2);
    for _ in 0..2 {
        shop.place_new(&known_elsewhere()).await.assert_created();
    }
}

#[tokio::test]
async fn the_fingerprint_of_a_request_includes_references_and_metadata() {
    let shop = Shop::open().await;
    let key = new_key();
    let placed = shop.place(&key, &known_elsewhere()).await;
    placed.assert_created();
    let again = shop.place(&key, &known_elsewhere()).await;
    again.assert_replayed(&placed.order_id());
    assert_eq!(again.body["metadata"], placed.body["metadata"]);
    for (member, value) in [
        ("externalReference", json!("#1002")),
        ("externalReference", Value::Null),
        ("metadata", json!({ "channel": "web" })),
        ("metadata", Value::Null),
    ] {
        let other = with(known_elsewhere(), member, value);
        let refused = shop.place(&key, &other).await;
        refused.assert_problem(422, "orders.idempotency_key_reused");
    }
}

#[tokio::test]
async fn references_beyond_their_limits_are_refused_and_nothing_is_placed() {
    let shop = Shop::open().await;
    let many: serde_json::Map<_, _> = (0..51).map(|n| (n.to_string(), json!(""))).collect();
    for (member, value, field) in [
        ("externalReference", json!(" 7"), "externalReference"),
        ("externalReference", json!("a\nb"), "externalReference"),
        (
            "externalReference",
            json!("x".repeat(256)),
            "externalReference",
        ),
        ("externalReference", json!(7), "externalReference"),
        ("metadata", json!("a"), "metadata"),
        ("metadata", Value::Object(many), "metadata"),
        ("metadata", json!({ "x".repeat(41): "" }), "metadata"),
        ("metadata", json!({ "a": 1 }), "metadata.a"),
        ("metadata", json!({ "a": "x".repeat(501) }), "metadata.a"),
        ("metadata", json!({ "a": "\u{0}" }), "metadata.a"),
    ] {
        let refused = shop.place_new(&with(small_order(), member, value)).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{refused:?}");
    }
    assert_eq!(shop.database.orders().await, 0);
}
