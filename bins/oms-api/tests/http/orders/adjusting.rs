//! Discounts, taxes, shipping and fees of orders, and the currencies of a tenant.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::giving_back::usd;
use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, small_order, with};
use crate::shop::Shop;

/// Three units of 1000 and one of 1500, less 500, with a tax of 207, shipping of 490, and an included tax.
fn adjusted() -> Value {
    let body = order(ATLANTA, &[(WIDGET_A, 3), (WIDGET_B, 1)]);
    let adjustments = json!([
        { "kind": "discount", "scope": "order", "amountMinor": -500, "label": "Sale", "code": "S" },
        { "kind": "tax", "scope": "order", "amountMinor": 207, "label": "Tax", "ratePpm": 51750 },
        { "kind": "shipping", "scope": "shipping", "amountMinor": 490, "label": "Standard" },
        { "kind": "tax", "scope": "line", "line": 2, "amountMinor": 10, "label": "VAT", "included": true }
    ]);
    let body = with(body, "adjustments", adjustments);
    with(body, "expectedTotal", usd(4697))
}

/// The body with one member of its first adjustment changed. `Null` removes it.
fn with_adjustment(member: &str, value: Value) -> Value {
    let mut body = adjusted();
    let first = body["adjustments"][0].take();
    body["adjustments"][0] = with(first, member, value);
    body
}

#[tokio::test]
async fn adjustments_are_charged_apportioned_and_shown() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&adjusted()).await;
    placed.assert_created();
    assert_eq!(placed.body["total"], usd(4697));
    assert_eq!(placed.body["exponent"], 2);
    // 3000 and 1500, less 333 and 167, plus 138 and 69.
    assert_eq!(placed.body["items"][0]["payable"], usd(2805));
    assert_eq!(placed.body["items"][1]["payable"], usd(1402));
    let order_id = placed.order_id();
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 4697));
    let read = shop.order(&order_id).await;
    assert_eq!(read["adjustments"], placed.body["adjustments"]);
    assert_eq!(read["adjustments"][0]["amount"], usd(-500));
    assert_eq!(read["adjustments"][3]["line"], 2);
    for (member, amount) in [("owed", 4697), ("held", 4697), ("balance", 0)] {
        assert_eq!(read[member], usd(amount), "{member}");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_invalid_adjustment_is_named() {
    let shop = Shop::open().await;
    for (member, value) in [
        ("kind", json!("rebate")),
        ("scope", json!("orders")),
        ("line", json!(1)),
        ("amountMinor", json!(1)),
        ("amountMinor", json!(0)),
        ("amountMinor", json!(1.5)),
        ("amountMinor", json!(-1_000_000_000_000_i64)),
        ("included", json!(true)),
        ("label", json!(" ")),
        ("label", json!("x".repeat(201))),
        ("label", json!("a\u{0}b")),
        ("label", Value::Null),
        ("code", json!("x".repeat(101))),
        ("ratePpm", json!(1_000_001)),
        ("colour", json!("red")),
    ] {
        let refused = shop
            .place_new(&with_adjustment(member, value.clone()))
            .await;
        refused.assert_problem(400, "request.invalid");
        let field = format!("adjustments[0].{member}");
        assert_eq!(refused.fields(), [field.as_str()], "{value}");
    }
    let on_line =
        json!([{ "kind": "tax", "scope": "line", "line": 3, "amountMinor": 1, "label": "x" }]);
    let refused = shop
        .place_new(&with(adjusted(), "adjustments", on_line))
        .await;
    assert_eq!(refused.fields(), ["adjustments[0].line"]);
    let shipping =
        json!([{ "kind": "shipping", "scope": "order", "amountMinor": 1, "label": "x" }]);
    let refused = shop
        .place_new(&with(adjusted(), "adjustments", shipping))
        .await;
    assert_eq!(refused.fields(), ["adjustments[0].scope"]);
    let one = json!({ "kind": "fee", "scope": "order", "amountMinor": 0, "label": "x" });
    let many = with(adjusted(), "adjustments", json!(vec![one; 501]));
    assert_eq!(shop.place_new(&many).await.fields(), ["adjustments"]);
    let untold = with(adjusted(), "expectedTotal", Value::Null);
    assert_eq!(shop.place_new(&untold).await.fields(), ["expectedTotal"]);
    let kept = "SELECT count(*) FROM orders.orders";
    assert_eq!(shop.database.number(kept).await, 0);
}

#[tokio::test]
async fn a_difference_is_reported_with_the_computed_sums() {
    let shop = Shop::open().await;
    let key = new_key();
    let wrong = with(adjusted(), "expectedTotal", usd(4696));
    let refused = shop.place(&key, &wrong).await;
    refused.assert_problem(422, "orders.total_mismatch");
    let breakdown = json!({
        "itemsMinor": 4500,
        "discountsMinor": -500,
        "taxesMinor": 207,
        "shippingMinor": 490,
        "feesMinor": 0,
        "dutiesMinor": 0,
        "totalMinor": 4697,
    });
    assert_eq!(refused.body["breakdown"], breakdown);
    assert_eq!(refused.body["currency"], "USD");

    let mut seen = adjusted();
    seen["items"][1]["expectedUnitPrice"] = usd(1499);
    let refused = shop.place(&key, &seen).await;
    refused.assert_problem(409, "orders.price_changed");
    assert_eq!(refused.fields(), ["items[1].expectedUnitPrice"]);
    let prices = json!([{ "line": 2, "unitPrice": usd(1500) }]);
    assert_eq!(refused.body["unitPrices"], prices);

    let refused = shop
        .place(&key, &with_adjustment("amountMinor", json!(-4501)))
        .await;
    refused.assert_problem(422, "orders.discount_too_large");
    assert_eq!(refused.fields(), ["adjustments[0].amountMinor"]);

    let mut taxed = adjusted();
    taxed["adjustments"][3]["amountMinor"] = json!(1501);
    let refused = shop.place(&key, &taxed).await;
    refused.assert_problem(422, "orders.tax_too_large");
    assert_eq!(refused.fields(), ["adjustments[3].amountMinor"]);

    // None of these used up the key.
    seen["items"][1]["expectedUnitPrice"] = usd(1500);
    shop.place(&key, &seen).await.assert_created();
    // Everything that is said of money belongs to the request.
    for other in [
        adjusted(),
        with(seen.clone(), "currency", json!("USD")),
        with(seen.clone(), "adjustments", Value::Null),
    ] {
        let reused = shop.place(&key, &other).await;
        reused.assert_problem(422, "orders.idempotency_key_reused");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_preview_shows_the_total_and_the_shares() {
    let shop = Shop::open().await;
    let members = ["shippingAddress", "items", "adjustments"];
    let placing = adjusted();
    let body: Value = members
        .iter()
        .map(|member| ((*member).to_owned(), placing[*member].clone()))
        .collect();
    let preview = shop.post_once("/routing/preview", &new_key(), &body).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(preview.body["total"], usd(4697));
    assert_eq!(preview.body["items"][0]["payable"], usd(2805));
    let wrong = with(body, "expectedTotal", usd(1));
    let refused = shop.post_once("/routing/preview", &new_key(), &wrong).await;
    refused.assert_problem(422, "orders.total_mismatch");
}

#[tokio::test]
async fn an_order_that_costs_nothing_is_placed_without_a_payment() {
    let shop = Shop::open().await;
    let free = json!([{ "kind": "discount", "scope": "line", "line": 1, "amountMinor": -1000, "label": "Gift" }]);
    let free = with(small_order(), "adjustments", free);
    let free = with(free, "expectedTotal", usd(0));
    let key = new_key();
    let placed = shop.place(&key, &free).await;
    placed.assert_created();
    let order_id = placed.order_id();
    shop.place(&key, &free).await.assert_replayed(&order_id);
    let read = shop.order(&order_id).await;
    assert_eq!(read["payment"], Value::Null);
    assert_eq!(read["balance"], usd(0));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.assert_consistent().await;
    assert_eq!(shop.cancel(&order_id).await.status, 200);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    assert_eq!(shop.sandbox.calls("create").await, 0);
    shop.assert_consistent().await;
}

async fn set(shop: &Shop, version: Option<&str>, body: &Value) -> Answer {
    let mut request = shop
        .customer()
        .request(Method::PUT, "/settings/orders")
        .json(body);
    if let Some(version) = version {
        request = request.header("if-match", version);
    }
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_currencies_of_a_tenant_are_settings_with_versions() {
    let shop = Shop::open().await;
    let other = shop.another_api(&[]).await;
    let first = shop.get("/settings/orders").await;
    assert_eq!(first.body["currencies"], json!(["USD"]));
    assert_eq!(first.header("etag"), Some("\"0\""));
    let both = json!({ "currencies": ["EUR", "USD"] });
    let euros = with(small_order(), "currency", json!("EUR"));
    let refused = shop.place_new(&euros).await;
    refused.assert_problem(422, "orders.currency_not_offered");
    assert_eq!(refused.body["currencies"], json!(["USD"]));

    set(&shop, None, &both)
        .await
        .assert_problem(428, "request.precondition_required");
    for (body, field) in [
        (json!({ "currencies": [] }), "currencies"),
        (json!({ "currencies": ["EUR", "EUR"] }), "currencies"),
        (json!({ "currencies": vec!["EUR"; 51] }), "currencies"),
        (json!({ "currencies": ["ZZZ"] }), "currencies[0]"),
        (json!({ "currency": "EUR" }), "currency"),
    ] {
        let refused = set(&shop, Some("*"), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let answer = set(&shop, Some("\"0\""), &both).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["currencies"], both["currencies"]);
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let late = set(&shop, Some("\"0\""), &both).await;
    late.assert_problem(412, "request.precondition_failed");
    assert_eq!(late.body["version"], 1);
    // The same settings again are no new version.
    let same = set(&shop, Some("\"1\""), &both).await;
    assert_eq!(same.header("etag"), Some("\"1\""));

    // Another instance follows them immediately.
    let unsold = shop.customer_of(&other).place(&new_key(), &euros).await;
    unsold.assert_problem(422, "orders.product_not_sold");
    shop.database
        .execute(
            "INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
             SELECT tenant_id, product_id, 'EUR', 900 FROM inventory.prices",
        )
        .await;
    // The first currency is that of orders that name none.
    for body in [&euros, &small_order()] {
        let placed = shop.customer_of(&other).place(&new_key(), body).await;
        placed.assert_created();
        let total = json!({ "amountMinor": 900, "currency": "EUR" });
        assert_eq!(placed.body["total"], total);
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn parts_of_an_order_are_refunded_up_to_what_was_paid_for_them() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&adjusted()).await;
    placed.assert_created();
    let order_id = placed.order_id();
    for (body, field) in [
        (json!({ "lines": [] }), "lines"),
        (json!({ "lines": [{ "line": 0 }] }), "lines[0].line"),
        (json!({ "lines": [{ "line": 3 }] }), "lines[0].line"),
        (
            json!({ "lines": [{ "line": 1 }, { "line": 1 }] }),
            "lines[1].line",
        ),
        (
            json!({ "lines": [{ "line": 1, "quantity": 0 }] }),
            "lines[0].quantity",
        ),
        (
            json!({ "lines": [{ "line": 1, "amount": { "amountMinor": 1, "currency": "EUR" } }] }),
            "currency",
        ),
        (
            json!({ "lines": [{ "line": 1 }], "amount": usd(1) }),
            "amount",
        ),
        (json!({ "expectedAmount": usd(1) }), "expectedAmount"),
    ] {
        let refused = shop.refund(&order_id, &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    for (body, field) in [
        (
            json!({ "lines": [{ "line": 1, "quantity": 4 }] }),
            "lines[0].quantity",
        ),
        (
            json!({ "lines": [{ "line": 2, "amount": usd(1403) }] }),
            "lines[0].amount.amountMinor",
        ),
        (json!({ "shipping": usd(491) }), "shipping.amountMinor"),
        (json!({ "fees": usd(1) }), "fees.amountMinor"),
    ] {
        let refused = shop.refund(&order_id, &new_key(), &body).await;
        refused.assert_problem(422, "orders.refund_exceeds_part");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let body =
        json!({ "lines": [{ "line": 1, "quantity": 2 }, { "line": 2 }], "shipping": usd(90) });
    let unexpected = with(body.clone(), "expectedAmount", usd(3361));
    let refused = shop.refund(&order_id, &new_key(), &unexpected).await;
    refused.assert_problem(412, "orders.refund_amount_changed");
    assert_eq!(refused.body["amount"], usd(3362));
    assert_eq!(shop.sandbox.calls("refund").await, 0);

    let refunded = shop.refund(&order_id, &new_key(), &body).await;
    assert_eq!(refunded.status, 201, "{refunded:?}");
    // 1870 are the share of two of three units in 2805.
    assert_eq!(refunded.body["amount"], usd(3362));
    let read = shop.order(&order_id).await;
    assert_eq!(read["owed"], usd(1335));
    assert_eq!(read["balance"], usd(0));
    let credits = read["credits"].as_array().unwrap();
    assert_eq!(credits.len(), 3, "{credits:?}");
    for credit in credits {
        assert_eq!(credit["refundId"], refunded.body["refundId"]);
    }
    shop.assert_consistent().await;
}
