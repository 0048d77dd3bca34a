//! Price lists and their prices, managed by operators.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::giving_back::usd;
use crate::request::{WIDGET_A, WIDGET_B, new_key, with};
use crate::shop::Shop;

const LISTS: &str = "/price-lists";

fn wholesale() -> Value {
    json!({ "code": "wholesale", "currency": "USD", "validFrom": "2026-01-01T00:00:00Z" })
}

fn price(product: &str, min_quantity: i64, amount_minor: i64) -> Value {
    json!({ "productId": product, "minQuantity": min_quantity, "unitPrice": usd(amount_minor) })
}

impl Shop {
    async fn set_prices(&self, list: &str, tag: Option<&str>, prices: Value) -> Answer {
        let (path, body) = (format!("{list}/prices"), json!({ "prices": prices }));
        self.change(Method::PUT, &path, tag, &body).await
    }
}

#[tokio::test]
async fn a_price_list_is_created_once_and_found_by_its_code() {
    let shop = Shop::open().await;
    let key = new_key();
    let created = shop.post_once(LISTS, &key, &wholesale()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("etag"), Some("\"1\""));
    let list = created.header("location").unwrap();
    assert_eq!(
        list,
        format!("/price-lists/{}", created.body["id"].as_str().unwrap())
    );
    for (member, value) in [
        ("code", json!("wholesale")),
        ("currency", json!("USD")),
        ("validFrom", json!("2026-01-01T00:00:00Z")),
        ("active", json!(true)),
        ("version", json!(1)),
    ] {
        assert_eq!(created.body[member], value, "{created:?}");
    }
    assert_eq!(created.body.get("validUntil"), None);
    let read = shop.get(list).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let again = shop.post_once(LISTS, &key, &wholesale()).await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    let other = with(wholesale(), "active", json!(false));
    let other = shop.post_once(LISTS, &key, &other).await;
    other.assert_problem(422, "inventory.idempotency_key_reused");
    let twin = shop.post_once(LISTS, &new_key(), &wholesale()).await;
    twin.assert_problem(409, "inventory.price_list_code_taken");

    // Codes are case-sensitive.
    for code in ["Wholesale", "b2b.2026", "x-_9"] {
        let body = with(wholesale(), "code", json!(code));
        assert_eq!(shop.post_once(LISTS, &new_key(), &body).await.status, 201);
    }
    let all = shop.pages(LISTS, 2).await;
    let codes: Vec<&str> = all.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["x-_9", "b2b.2026", "Wholesale", "wholesale"]);
    let found = shop.pages(&format!("{LISTS}?code=wholesale"), 1).await;
    assert_eq!(found, std::slice::from_ref(&created.body));
    assert_eq!(
        shop.pages(&format!("{LISTS}?code=none"), 1).await,
        Vec::<Value>::new()
    );
    shop.get(&format!("{LISTS}/x"))
        .await
        .assert_problem(404, "inventory.price_list_not_found");
}

#[tokio::test]
async fn the_invalid_fields_of_a_price_list_are_named() {
    let shop = Shop::open().await;
    for (member, value) in [
        ("code", json!("")),
        ("code", json!("a b")),
        ("code", json!("x".repeat(65))),
        ("code", Value::Null),
        ("currency", json!("usd")),
        ("currency", Value::Null),
        ("validFrom", json!("yesterday")),
        ("validUntil", json!("2026-01-01T00:00:00Z")),
        ("validUntil", json!("2025-01-01T00:00:00Z")),
        ("active", json!(1)),
        ("colour", json!("red")),
    ] {
        let body = with(wholesale(), member, value.clone());
        let refused = shop.post_once(LISTS, &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [member], "{value}");
    }
    assert_eq!(shop.pages(LISTS, 1).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_price_list_changes_only_in_the_version_that_was_read() {
    let shop = Shop::open().await;
    let created = shop.post_once(LISTS, &new_key(), &wholesale()).await;
    let list = created.header("location").unwrap();
    let change =
        async |tag: Option<&str>, body: Value| shop.change(Method::PATCH, list, tag, &body).await;
    let until = json!({ "validUntil": "2027-01-01T00:00:00Z" });
    change(None, until.clone())
        .await
        .assert_problem(428, "request.precondition_required");
    change(Some("\"2\""), until.clone())
        .await
        .assert_problem(412, "request.precondition_failed");
    let changed = change(Some("\"1\""), until).await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, Some("\"2\""))
    );
    assert_eq!(changed.body["validFrom"], "2026-01-01T00:00:00Z");
    assert_eq!(changed.body["validUntil"], "2027-01-01T00:00:00Z");
    let removed = change(Some("\"2\""), json!({ "validFrom": null, "active": false })).await;
    assert_eq!(removed.body.get("validFrom"), None);
    assert_eq!(removed.body["validUntil"], "2027-01-01T00:00:00Z");
    assert_eq!(removed.body["active"], false);
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "code": "other" }), "code"),
        (json!({ "currency": "EUR" }), "currency"),
        (json!({ "validFrom": "2027-01-01T00:00:00Z" }), "validUntil"),
    ] {
        let refused = change(Some("\"3\""), body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field]);
    }
    assert_eq!(shop.get(list).await.body["version"], 3);
    shop.change(
        Method::PATCH,
        "/price-lists/x",
        Some("*"),
        &json!({ "active": true }),
    )
    .await
    .assert_problem(404, "inventory.price_list_not_found");
}

#[tokio::test]
async fn the_prices_of_a_list_are_replaced_together() {
    let shop = Shop::open().await;
    let created = shop.post_once(LISTS, &new_key(), &wholesale()).await;
    let list = created.header("location").unwrap();
    let (one, ten) = (price(WIDGET_A, 1, 950), price(WIDGET_A, 10, 900));
    let other = price(WIDGET_B, 1_000_000, 999_999_999_999);
    let set = shop
        .set_prices(list, Some("\"1\""), json!([other, ten, one]))
        .await;
    assert_eq!((set.status, set.header("etag")), (200, Some("\"2\"")));
    let prices = format!("{list}/prices");
    let all = [one.clone(), ten.clone(), other.clone()];
    assert_eq!(shop.pages(&prices, 1).await, all);
    assert_eq!(shop.pages(&prices, 2).await, all);
    let of_one = shop
        .pages(&format!("{prices}?productId={WIDGET_B}"), 1)
        .await;
    assert_eq!(of_one, [other]);

    // The quantity defaults to 1.
    let least = json!([{ "productId": WIDGET_B, "unitPrice": usd(1) }, ten]);
    let set = shop.set_prices(list, Some("\"2\""), least).await;
    assert_eq!(set.body["version"], 3);
    assert_eq!(shop.pages(&prices, 100).await, [ten, price(WIDGET_B, 1, 1)]);
    shop.set_prices(list, None, json!([]))
        .await
        .assert_problem(428, "request.precondition_required");
    shop.set_prices(list, Some("\"2\""), json!([]))
        .await
        .assert_problem(412, "request.precondition_failed");
    shop.set_prices("/price-lists/x", Some("*"), json!([]))
        .await
        .assert_problem(404, "inventory.price_list_not_found");
    let none = shop.set_prices(list, Some("\"3\""), json!([])).await;
    assert_eq!(none.status, 200, "{none:?}");
    assert_eq!(shop.pages(&prices, 1).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_wrong_price_is_named_and_nothing_is_replaced() {
    let shop = Shop::open().await;
    let created = shop.post_once(LISTS, &new_key(), &wholesale()).await;
    let list = created.header("location").unwrap();
    let kept = price(WIDGET_A, 1, 950);
    let set = shop.set_prices(list, Some("*"), json!([kept])).await;
    assert_eq!(set.status, 200);
    let good = price(WIDGET_B, 1, 5);
    for (wrong, field) in [
        (price(WIDGET_A, 0, 5), "prices[1].minQuantity"),
        (price(WIDGET_A, 1_000_001, 5), "prices[1].minQuantity"),
        (price(WIDGET_A, 5_000_000_000, 5), "prices[1].minQuantity"),
        (price(WIDGET_A, 1, 0), "prices[1].unitPrice.amountMinor"),
        (
            price(WIDGET_A, 1, 1_000_000_000_000),
            "prices[1].unitPrice.amountMinor",
        ),
        (price("x", 1, 5), "prices[1].productId"),
        (good.clone(), "prices[1]"),
        (
            with(price(WIDGET_A, 1, 5), "unitPrice", Value::Null),
            "prices[1].unitPrice",
        ),
        (
            with(price(WIDGET_A, 1, 5), "from", json!(1)),
            "prices[1].from",
        ),
    ] {
        let refused = shop.set_prices(list, Some("*"), json!([good, wrong])).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{wrong}");
    }
    let many: Vec<Value> = (1..=1001).map(|from| price(WIDGET_A, from, 5)).collect();
    let refused = shop.set_prices(list, Some("*"), json!(many)).await;
    assert_eq!(refused.fields(), ["prices"]);
    let euro = with(
        price(WIDGET_A, 1, 5),
        "unitPrice",
        json!({ "amountMinor": 5, "currency": "EUR" }),
    );
    let refused = shop.set_prices(list, Some("*"), json!([good, euro])).await;
    refused.assert_problem(422, "inventory.price_list_currency");
    assert_eq!(refused.fields(), ["prices[1].unitPrice.currency"]);
    let unknown = new_key();
    let refused = shop
        .set_prices(list, Some("*"), json!([good, price(&unknown, 1, 5)]))
        .await;
    refused.assert_problem(422, "inventory.unknown_product");
    assert_eq!(refused.body["productIds"], json!([unknown]));
    let prices = format!("{list}/prices");
    assert_eq!(shop.pages(&prices, 1).await, [kept]);
    assert_eq!(shop.get(list).await.body["version"], 2);

    // A thousand are accepted.
    let set = shop.set_prices(list, Some("*"), json!(many[..1000])).await;
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(shop.pages(&prices, 100).await.len(), 1000);
}

#[tokio::test]
async fn prices_are_imported_into_existing_lists() {
    let shop = Shop::open().await;
    let created = shop.post_once(LISTS, &new_key(), &wholesale()).await;
    let list = created.header("location").unwrap();
    let import = async |path: &str, text: &str| {
        let request = shop.customer().post(path);
        let request = request
            .header("idempotency-key", new_key())
            .header("content-type", "text/csv")
            .body(text.to_owned());
        Answer::of(request.send().await.unwrap()).await
    };
    let file = "priceList,sku,minQuantity,amountMinor,currency\n\
                wholesale,WIDGET-A,10,900,USD\n\
                retail,WIDGET-A,10,900,USD\n";
    let refused = import("/imports/prices?allOrNothing=true", file).await;
    refused.assert_problem(422, "inventory.import_rejected");
    assert_eq!(
        refused.body["rejections"][0]["code"],
        "row.unknown_price_list"
    );
    let imported = import("/imports/prices", file).await;
    assert_eq!(imported.status, 201, "{imported:?}");
    for (member, value) in [
        ("kind", json!("prices")),
        ("accepted", json!(1)),
        ("changed", json!(1)),
        ("rejected", json!(1)),
    ] {
        assert_eq!(imported.body[member], value, "{imported:?}");
    }
    let report = shop.get(imported.header("location").unwrap()).await;
    assert_eq!(report.body, imported.body);
    let prices = format!("{list}/prices");
    assert_eq!(shop.pages(&prices, 1).await, [price(WIDGET_A, 10, 900)]);
    // A client with an older version of the list can't replace what was imported.
    shop.set_prices(list, Some("\"1\""), json!([]))
        .await
        .assert_problem(412, "request.precondition_failed");
}
