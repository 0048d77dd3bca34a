//! Shipping addresses: text, parts, coordinates.

use serde_json::{Value, json};

use crate::request::{UNKNOWN_ADDRESS, small_order, with};
use crate::shop::Shop;
use crate::stock::PHOENIX_WAREHOUSE;

fn to(address: Value) -> Value {
    with(small_order(), "shippingAddress", address)
}

#[tokio::test]
async fn an_unknown_address_is_refused() {
    let shop = Shop::open().await;
    let levels = shop.database.levels().await;
    for unknown in [
        UNKNOWN_ADDRESS,
        "__proto__",
        "constructor",
        "'; DROP TABLE orders; --",
        "🏠",
        "%s%n",
        "4111111111111111",
    ] {
        let refused = shop.place_new(&to(json!(unknown))).await;
        refused.assert_problem(400, "geocoding.address_not_found");
    }
    assert_eq!(shop.database.levels().await, levels);
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn an_invalid_address_is_refused_and_its_field_named() {
    let shop = Shop::open().await;
    let parts =
        |location: Value| json!({ "line1": "1 Main St", "city": "Phoenix", "location": location });
    let cases = [
        (json!(""), "shippingAddress"),
        (json!("  "), "shippingAddress"),
        (json!("a\u{0}b"), "shippingAddress"),
        (json!("x".repeat(501)), "shippingAddress"),
        (json!(17), "shippingAddress"),
        (json!({}), "shippingAddress.line1"),
        (json!({ "line1": "1 Main St" }), "shippingAddress.city"),
        (
            json!({ "line1": "1 Main St", "city": "Phoenix", "planet": "Mars" }),
            "shippingAddress.planet",
        ),
        (
            parts(json!({ "lat": 91, "lng": 0 })),
            "shippingAddress.location",
        ),
        (
            parts(json!({ "lat": "33", "lng": 0 })),
            "shippingAddress.location.lat",
        ),
        (parts(json!({ "lat": 33 })), "shippingAddress.location.lng"),
    ];
    for (address, field) in cases {
        let refused = shop.place_new(&to(address.clone())).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{address}");
    }
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn an_address_in_parts_is_looked_up() {
    let shop = Shop::open().await;
    let known = json!({ "name": "Ann", "line1": "400 E Van Buren St", "line2": "Room 1", "city": "Phoenix", "region": "AZ" });
    let placed = shop.place_new(&to(known.clone())).await;
    placed.assert_created();
    assert_eq!(placed.body["warehouseId"], PHOENIX_WAREHOUSE);
    assert_eq!(
        shop.order(&placed.order_id()).await["shippingAddress"],
        known
    );

    let unknown = shop
        .place_new(&to(json!({ "line1": "1 Main St", "city": "Phoenix" })))
        .await;
    unknown.assert_problem(400, "geocoding.address_not_found");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn coordinates_in_an_address_are_trusted() {
    let shop = Shop::open().await;
    let address = json!({ "line1": "1 Unknown Rd", "city": "Nowhere", "location": { "lat": 33.4, "lng": -112.0 } });
    let placed = shop.place_new(&to(address.clone())).await;
    placed.assert_created();
    assert_eq!(placed.body["warehouseId"], PHOENIX_WAREHOUSE);
    let read = shop.order(&placed.order_id()).await;
    assert_eq!(read["shippingAddress"], address);
    assert_eq!(read["routing"]["destination"], address["location"]);
    shop.assert_consistent().await;
}
