//! Equivalent requests count as the same request, regardless of their notation.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{ATLANTA, PHOENIX, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

impl Shop {
    /// A `POST` of this text as the body.
    async fn post_text(&self, path: &str, key: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.customer().post(path).header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        Answer::of(request.body(body.into()).send().await.unwrap()).await
    }
}

fn to(address: Value) -> Value {
    with(small_order(), "shippingAddress", address)
}

#[tokio::test]
async fn a_number_is_the_same_in_any_notation() {
    let shop = Shop::open().await;
    let key = new_key();
    let place =
        json!({ "line1": "Null Island", "city": "Sea", "location": { "lat": 0, "lng": 0.0 } });
    let order = to(place).to_string();
    let placed = shop.post_text("/orders", &key, order.clone()).await;
    placed.assert_created();
    for (written, otherwise) in [
        ("\"quantity\":1", "\"quantity\":1.0"),
        ("\"quantity\":1", "\"quantity\":1e0"),
        ("\"quantity\":1", "\"quantity\":10E-1"),
        ("\"lat\":0", "\"lat\":-0.0"),
        ("\"lat\":0", "\"lat\":-0"),
        ("\"lng\":0.0", "\"lng\":-0e1"),
    ] {
        let again = order.replace(written, otherwise);
        assert_ne!(again, order);
        let again = shop.post_text("/orders", &key, again).await;
        again.assert_replayed(&placed.order_id());
    }
    for fraction in ["1.5", "1e-1", "1e400"] {
        let refused = order.replace("\"quantity\":1", &format!("\"quantity\":{fraction}"));
        let refused = shop.post_text("/orders", &new_key(), refused).await;
        refused.assert_problem(400, "request.invalid");
    }
    assert_eq!(shop.database.orders().await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn every_endpoint_accepts_a_key_with_or_without_quotes() {
    let shop = Shop::open().await;
    let quoted = |key: &str| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
    let key = r#"a "quoted" \ key"#;
    let placed = shop.place(key, &small_order()).await;
    placed.assert_created();
    let again = shop.place(&quoted(key), &small_order()).await;
    again.assert_replayed(&placed.order_id());

    let order = format!("/orders/{}", placed.order_id());
    let line = json!({ "productId": WIDGET_A, "quantity": 1 });
    for (path, body) in [
        (
            format!("{order}/refunds"),
            json!({ "amount": { "amountMinor": 1, "currency": "USD" } }),
        ),
        (format!("{order}/cancel"), json!({})),
        (
            "/products".to_owned(),
            json!({ "sku": "LAMP", "name": "Lamp" }),
        ),
        (
            "/warehouses".to_owned(),
            json!({ "name": "Here", "location": { "lat": 1, "lng": 2 } }),
        ),
        (
            "/stock-levels/receive".to_owned(),
            json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": [line] }),
        ),
    ] {
        let key = new_key();
        let first = shop.post_once(&path, &quoted(&key), &body).await;
        assert!([200, 201].contains(&first.status), "{path}: {first:?}");
        let again = shop.post_once(&path, &key, &body).await;
        assert_eq!(again.status, 200, "{path}: {again:?}");
        assert_eq!(
            again.header("idempotent-replayed"),
            Some("true"),
            "{path}: {again:?}"
        );
    }
    for malformed in ["\"", "\"k", "\"\"", "\"a\\b\"", "\"k\"x"] {
        let refused = shop.place(malformed, &small_order()).await;
        refused.assert_problem(400, "request.invalid_header");
    }
}

#[tokio::test]
async fn blank_fields_of_a_form_count_as_absent() {
    let shop = Shop::open().await;
    let key = new_key();
    let parts = json!({ "line1": "400 E Van Buren St", "city": "Phoenix", "region": "AZ" });
    let placed = shop.place(&key, &to(parts.clone())).await;
    placed.assert_created();
    let mut form = parts;
    for blank in ["name", "line2", "postalCode", "country"] {
        form[blank] = json!("  ");
    }
    form["location"] = json!("");
    let form = with(to(form), "externalReference", json!(""));
    let form = with(form, "paymentMethod", json!(""));
    let form = with(form, "metadata", json!(""));
    let again = shop.place(&key, &form).await;
    again.assert_replayed(&placed.order_id());
    let read = shop.order(&placed.order_id()).await;
    assert!(read["shippingAddress"].get("line2").is_none(), "{read}");

    let every = "status=&customerId=&warehouseId=&createdFrom=&createdTo=&externalReference=%20&sort=&limit=&cursor=";
    let listed = shop.get(&format!("/orders?{every}")).await;
    assert_eq!(
        listed.body["items"].as_array().map(Vec::len),
        Some(1),
        "{listed:?}"
    );
    for list in [
        "/products?sku=&limit=",
        "/warehouses?active=",
        "/stock-levels?warehouseId=&productId=",
        "/stock-movements?warehouseId=",
        "/operations/findings?state=&kind=",
        "/operations/dead-letters?state=&cursor=",
    ] {
        let blank = shop.get(list).await;
        let path = list.split('?').next().unwrap();
        assert_eq!(blank.status, 200, "{list}: {blank:?}");
        assert_eq!(blank.body, shop.get(path).await.body, "{list}");
    }
}

#[tokio::test]
async fn a_blank_amount_does_not_refund_everything() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    for blank in [json!(""), json!(" "), json!([]), json!(0)] {
        let refused = shop
            .refund(&order_id, &new_key(), &json!({ "amount": blank }))
            .await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["amount"], "{refused:?}");
    }
    let all = shop
        .refund(
            &order_id,
            &new_key(),
            &json!({ "amount": null, "reason": "" }),
        )
        .await;
    assert_eq!(all.status, 201, "{all:?}");
}

#[tokio::test]
async fn the_lines_of_an_address_are_joined() {
    let shop = Shop::open().await;
    let (street, city) = ATLANTA.split_once(", ").unwrap();
    for lines in [
        format!("{street}\n{city}"),
        format!("{street},\r\n  {city}\r\n"),
        format!("\n\n{street}\r\r{city}"),
        format!("{street}\u{2028}{city}"),
        format!("{street},\t{city}"),
    ] {
        let placed = shop.place_new(&to(json!(lines))).await;
        placed.assert_created();
        let read = shop.order(&placed.order_id()).await;
        assert_eq!(read["shippingAddress"], ATLANTA, "{lines:?}");
    }
    let (street, city) = PHOENIX.split_once(", ").unwrap();
    let (city, region) = city.split_once(", ").unwrap();
    let parts = json!({ "line1": format!("{street}\nBack door"), "city": city, "region": region,
        "location": { "lat": 33.4, "lng": -112.0 } });
    let placed = shop.place_new(&to(parts)).await;
    placed.assert_created();
    let read = shop.order(&placed.order_id()).await;
    assert_eq!(
        read["shippingAddress"]["line1"],
        format!("{street}, Back door")
    );
    for refused in ["a\u{0}b", "a\u{1b}[2Jb"] {
        let refused = shop.place_new(&to(json!(refused))).await;
        refused.assert_problem(400, "request.invalid");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_skipped() {
    let shop = Shop::open().await;
    let key = new_key();
    let order = small_order().to_string();
    let placed = shop
        .post_text("/orders", &key, format!("\u{FEFF}{order}"))
        .await;
    placed.assert_created();
    let again = shop.post_text("/orders", &key, order).await;
    again.assert_replayed(&placed.order_id());
    let cancel = format!("/orders/{}/cancel", placed.order_id());
    for nothing in ["\u{FEFF}", " \r\n"] {
        let cancelled = shop.post_text(&cancel, &new_key(), nothing).await;
        assert_eq!(cancelled.status, 200, "{nothing:?}: {cancelled:?}");
    }
    let line = "{\"sku\":\"LAMP\",\"name\":\"Lamp\",\"prices\":[{\"amountMinor\":1e2,\"currency\":\"USD\"}]}\n";
    let request = shop
        .customer()
        .post("/imports/products")
        .header("idempotency-key", new_key());
    let request = request
        .header("content-type", "application/jsonl")
        .body(format!("\u{FEFF}{line}"));
    let imported = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(
        (imported.status, &imported.body["created"]),
        (201, &json!(1)),
        "{imported:?}"
    );
}

#[tokio::test]
async fn a_duplicate_member_is_named() {
    let shop = Shop::open().await;
    let twice = small_order()
        .to_string()
        .replacen('{', "{\"customerId\":\"x\",", 1);
    let order = twice.replace("\"x\"", "\"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\"");
    let refused = shop.post_text("/orders", &new_key(), order).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["customerId"], "{refused:?}");
}

#[tokio::test]
async fn requests_stored_by_older_versions_are_still_recognised() {
    let shop = Shop::open().await;
    let (key, other) = (r#"a "b" \c"#, new_key());
    let placed = shop.place(key, &small_order()).await;
    let taken = shop.place(&other, &small_order()).await;
    let composed = json!({ "sku": "ZO\u{CB}", "name": "Lamp" });
    let product = shop.post_once("/products", &new_key(), &composed).await;
    assert_eq!(product.status, 201, "{product:?}");
    // As older versions stored them: keys with their quotes, texts as they were sent.
    let quoted = r#""a \"b\" \\c""#;
    let sql = format!(
        "UPDATE orders.orders SET idempotency_key = '{quoted}' WHERE id = '{}';
         UPDATE orders.orders SET external_reference = U&'Zoe\\0308' WHERE id = '{}';
         UPDATE inventory.products SET sku = U&'ZOE\\0308' WHERE sku = U&'ZO\\00CB'",
        placed.order_id(),
        taken.order_id()
    );
    shop.database.execute(&sql).await;
    for migration in [
        include_str!("../../../../../migrations/20261128000701_orders_equal_requests/up.sql"),
        include_str!("../../../../../migrations/20261128000702_payments_equal_requests/up.sql"),
        include_str!("../../../../../migrations/20261128000703_inventory_equal_requests/up.sql"),
    ] {
        shop.database.execute(migration).await;
    }
    for key in [key, quoted] {
        shop.place(key, &small_order())
            .await
            .assert_replayed(&placed.order_id());
    }
    shop.place(&other, &small_order())
        .await
        .assert_replayed(&taken.order_id());
    let found = shop.get("/products?sku=ZOE%CC%88").await;
    assert_eq!(
        found.body["items"].as_array().map(Vec::len),
        Some(1),
        "{found:?}"
    );
    let found = shop.get("/orders?externalReference=Zo%C3%AB").await;
    assert_eq!(
        found.body["items"].as_array().map(Vec::len),
        Some(1),
        "{found:?}"
    );
}

#[tokio::test]
async fn equal_looking_texts_are_equal_and_a_sku_has_no_hidden_characters() {
    let shop = Shop::open().await;
    let key = new_key();
    let order = |name: &str, note: &str, reference: &str| {
        let address = json!({ "name": name, "line1": "1 Main St", "city": "Z\u{FC}rich",
            "location": { "lat": 47.4, "lng": 8.5 } });
        let order = with(to(address), "metadata", json!({ "note": note }));
        with(order, "externalReference", json!(reference))
    };
    let placed = shop
        .place(&key, &order("Zo\u{EB}", "for Zo\u{EB}", "No\u{EB}l-1"))
        .await;
    placed.assert_created();
    for hidden in ["\u{200B}", "\u{202E}", "\u{2066}", "\u{FEFF}", "\u{AD}"] {
        let written = |text: &str| format!("{hidden}{text}e\u{308}{hidden}");
        let again = order(
            &written("Zo"),
            &written("for Zo"),
            &format!("{}l-1{hidden}", written("No")),
        );
        shop.place(&key, &again)
            .await
            .assert_replayed(&placed.order_id());
        for (path, body) in [
            (
                "/products",
                json!({ "sku": format!("LAMP{hidden}-1"), "name": "Lamp" }),
            ),
            (
                "/products",
                json!({ "sku": format!("{hidden}LAMP-1"), "name": "Lamp" }),
            ),
        ] {
            let refused = shop.post_once(path, &new_key(), &body).await;
            refused.assert_problem(400, "request.invalid");
            assert_eq!(refused.fields(), ["sku"], "{refused:?}");
        }
        let import = json!({ "sku": format!("A{hidden}"), "name": "x" }).to_string();
        let request = shop.customer().post("/imports/products").body(import);
        let request = request.header("content-type", "application/jsonl");
        let request = request.header("idempotency-key", new_key());
        let report = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(
            report.body["rejections"][0]["code"], "row.invalid_sku",
            "{report:?}"
        );
    }
    let body = json!({ "sku": "LAMP-1", "name": "\u{202E}Lamp\u{200B}" });
    let named = shop.post_once("/products", &new_key(), &body).await;
    assert_eq!(named.body["name"], "Lamp", "{named:?}");
    let cancel = json!({ "reason": "Zoe\u{308} \u{202E}asked" });
    let path = format!("/orders/{}/cancel", placed.order_id());
    assert_eq!(shop.post_once(&path, &new_key(), &cancel).await.status, 200);
    let timeline = shop.get(&path.replace("cancel", "timeline")).await;
    assert!(timeline.text.contains("Zo\u{EB} asked"), "{timeline:?}");
}
