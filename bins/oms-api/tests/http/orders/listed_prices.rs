//! Orders with the prices of a list.

use reqwest::Method;
use serde_json::{Value, json};

use crate::giving_back::usd;
use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, with};
use crate::shop::Shop;

/// An order with the prices of the list "wholesale".
fn listed(items: &[(&str, i64)]) -> Value {
    with(order(ATLANTA, items), "priceList", json!("wholesale"))
}

/// Creates the list: WIDGET_A costs 900 from 10 units on, instead of 1000. Returns its path.
async fn wholesale(shop: &Shop) -> String {
    let body = json!({ "code": "wholesale", "currency": "USD" });
    let created = shop.post_once("/price-lists", &new_key(), &body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let list = created.header("location").unwrap().to_owned();
    let prices = json!({ "prices": [
        { "productId": WIDGET_A, "minQuantity": 10, "unitPrice": usd(900) },
    ] });
    let path = format!("{list}/prices");
    let set = shop.change(Method::PUT, &path, Some("*"), &prices).await;
    assert_eq!(set.status, 200, "{set:?}");
    list
}

#[tokio::test]
async fn a_line_costs_the_price_of_the_list_for_its_quantity() {
    let shop = Shop::open().await;
    wholesale(&shop).await;
    for (quantity, unit, total) in [(9, 1000, 9000), (10, 900, 9000), (11, 900, 9900)] {
        let placed = shop.place_new(&listed(&[(WIDGET_A, quantity)])).await;
        placed.assert_created();
        assert_eq!(placed.body["items"][0]["unitPrice"], usd(unit));
        assert_eq!(placed.body["total"], usd(total));
        assert_eq!(placed.body["priceList"], "wholesale");
        let read = shop.order(&placed.order_id()).await;
        assert_eq!(read["priceList"], "wholesale");
        assert_eq!(read["items"], placed.body["items"]);
    }
    // A product that the list does not have costs its base price.
    let mixed = shop
        .place_new(&listed(&[(WIDGET_B, 1), (WIDGET_A, 10)]))
        .await;
    assert_eq!(mixed.body["total"], usd(10_500), "{mixed:?}");
    let unlisted = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 10)])).await;
    assert_eq!(unlisted.body["total"], usd(10_000));
    assert_eq!(unlisted.body.get("priceList"), None);

    let preview = json!({
        "shippingAddress": ATLANTA,
        "items": [{ "productId": WIDGET_A, "quantity": 10, "expectedUnitPrice": usd(900) }],
        "priceList": "wholesale",
    });
    let request = shop.customer().post("/routing/preview").json(&preview);
    let preview = crate::answer::Answer::of(request.send().await.unwrap()).await;
    assert_eq!((preview.status, &preview.body["total"]), (200, &usd(9000)));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_inactive_or_expired_list_leaves_the_base_price() {
    let shop = Shop::open().await;
    let list = wholesale(&shop).await;
    let order = listed(&[(WIDGET_A, 10)]);
    for (change, total) in [
        (json!({ "active": false }), 10_000),
        (json!({ "active": true }), 9000),
        (json!({ "validUntil": "2020-01-01T00:00:00Z" }), 10_000),
        (
            json!({ "validFrom": "2020-01-01T00:00:00Z", "validUntil": null }),
            9000,
        ),
        (json!({ "validFrom": "9999-01-01T00:00:00Z" }), 10_000),
    ] {
        let changed = shop.change(Method::PATCH, &list, Some("*"), &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let placed = shop.place_new(&order).await;
        assert_eq!(placed.body["total"], usd(total), "{change}");
        assert_eq!(placed.body["priceList"], "wholesale");
    }
    // A customer who saw the other price gets an error.
    let mut seen = order.clone();
    seen["items"][0]["expectedUnitPrice"] = usd(900);
    let refused = shop.place_new(&seen).await;
    refused.assert_problem(409, "orders.price_changed");
    let current = json!([{ "line": 1, "unitPrice": usd(1000) }]);
    assert_eq!(refused.body["unitPrices"], current);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_list_that_can_not_be_used_is_refused_and_nothing_is_kept() {
    let shop = Shop::open().await;
    wholesale(&shop).await;
    let body = json!({ "code": "euro", "currency": "EUR" });
    let created = shop.post_once("/price-lists", &new_key(), &body).await;
    assert_eq!(created.status, 201);
    let order = listed(&[(WIDGET_A, 10)]);
    let with_list = |code: &str| with(order.clone(), "priceList", json!(code));
    for unknown in ["retail", "Wholesale"] {
        let refused = shop.place_new(&with_list(unknown)).await;
        refused.assert_problem(422, "orders.unknown_price_list");
        assert_eq!(refused.fields(), ["priceList"]);
    }
    let refused = shop.place_new(&with_list("euro")).await;
    refused.assert_problem(422, "orders.price_list_currency");
    assert_eq!(refused.fields(), ["priceList"]);
    assert_eq!(refused.body["currency"], "EUR");
    for invalid in ["", "a b", &"x".repeat(65)] {
        let refused = shop.place_new(&with_list(invalid)).await;
        // A blank text counts as absent where a value is optional.
        if invalid.is_empty() {
            assert_eq!(refused.body["total"], usd(10_000), "{refused:?}");
            continue;
        }
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["priceList"]);
    }
    // Neither the list nor the product has a price in euros.
    let set = json!({ "currencies": ["USD", "EUR"] });
    let set = shop
        .change(Method::PUT, "/settings/orders", Some("*"), &set)
        .await;
    assert_eq!(set.status, 200, "{set:?}");
    let in_euros = with(with_list("euro"), "currency", json!("EUR"));
    let refused = shop.place_new(&in_euros).await;
    refused.assert_problem(422, "orders.product_not_sold");
    assert_eq!(refused.fields(), ["items[0].productId"]);
    let kept = "SELECT count(*) FROM orders.orders WHERE price_list IS NOT NULL";
    assert_eq!(shop.database.number(kept).await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_list_belongs_to_the_request_of_an_idempotency_key() {
    let shop = Shop::open().await;
    let list = wholesale(&shop).await;
    let (key, order) = (new_key(), listed(&[(WIDGET_A, 10)]));
    let placed = shop.place(&key, &order).await;
    placed.assert_created();
    // Later changes of the list do not change a placed order.
    let prices = format!("{list}/prices");
    let none = json!({ "prices": [] });
    let emptied = shop.change(Method::PUT, &prices, Some("*"), &none).await;
    assert_eq!(emptied.status, 200);
    let again = shop.place(&key, &order).await;
    assert_eq!((again.status, &again.body["total"]), (200, &usd(9000)));
    assert_eq!(again.body["priceList"], "wholesale");
    for other in ["other", ""] {
        let other = with(order.clone(), "priceList", json!(other));
        let reused = shop.place(&key, &other).await;
        reused.assert_problem(422, "orders.idempotency_key_reused");
    }
    shop.assert_consistent().await;
}
