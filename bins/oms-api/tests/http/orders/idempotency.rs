//! One key, one order, one charge.

use serde_json::json;

use crate::request::{
    ATLANTA, CHICAGO, GADGET_C, WIDGET_A, WIDGET_B, new_key, order, small_order, with,
};
use crate::robustness::breaker::{assert_refused_at_once, open_breaker};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

#[tokio::test]
async fn an_order_sent_twice_with_one_key_is_placed_and_charged_once() {
    let shop = Shop::open().await;
    let (key, gadget) = (new_key(), order(CHICAGO, &[(GADGET_C, 1)]));
    let placed = shop.place(&key, &gadget).await;
    placed.assert_created();
    let again = shop.place(&key, &gadget).await;
    again.assert_replayed(&placed.order_id());
    // Exactly the first answer, except for the marker.
    assert_eq!(with(again.body, "cached", json!(null)), placed.body);

    assert_eq!(shop.database.orders().await, 1);
    assert_eq!(shop.sandbox.charged(&placed.order_id()).await, (1, 2000));
    assert_eq!(shop.sandbox.calls("confirm").await, 1);
    assert_eq!(
        shop.database
            .stock(CHICAGO_WAREHOUSE, GADGET_C)
            .await
            .reserved,
        1
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_key_reused_with_another_body_is_refused_and_does_not_affect_the_first_order() {
    let shop = Shop::open().await;
    let key = new_key();
    let placed = shop.place(&key, &order(CHICAGO, &[(GADGET_C, 1)])).await;
    placed.assert_created();
    let before = (
        shop.order(&placed.order_id()).await,
        shop.database.levels().await,
    );
    let others = [
        order(CHICAGO, &[(GADGET_C, 2)]),
        order(ATLANTA, &[(GADGET_C, 1)]),
        order(CHICAGO, &[(WIDGET_A, 1)]),
        order(CHICAGO, &[(GADGET_C, 1), (WIDGET_A, 1)]),
        with(
            order(CHICAGO, &[(GADGET_C, 1)]),
            "customerId",
            json!(new_key()),
        ),
        with(
            order(CHICAGO, &[(GADGET_C, 1)]),
            "creditCardNumber",
            json!("4242424242424242"),
        ),
    ];
    for other in others {
        let refused = shop.place(&key, &other).await;
        refused.assert_problem(422, "orders.idempotency_key_reused");
        assert!(!refused.text.contains(&placed.order_id()), "{refused:?}");
    }
    let after = (
        shop.order(&placed.order_id()).await,
        shop.database.levels().await,
    );
    assert_eq!(after, before);
    assert_eq!(shop.database.orders().await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_paid_order_is_replayed_even_when_sold_out_with_an_open_breaker() {
    let shop = Shop::open().await;
    shop.database
        .leave_only_in(ATLANTA_WAREHOUSE, WIDGET_A)
        .await;
    let (key, one) = (new_key(), order(ATLANTA, &[(WIDGET_A, 1)]));
    let placed = shop.place(&key, &one).await;
    placed.assert_created();
    shop.place_new(&order(ATLANTA, &[(WIDGET_A, 49)]))
        .await
        .assert_created();
    shop.place_new(&one)
        .await
        .assert_problem(422, "orders.no_single_warehouse");

    open_breaker(&shop, &order(ATLANTA, &[(WIDGET_B, 1)])).await;
    shop.place(&key, &one)
        .await
        .assert_replayed(&placed.order_id());
    assert_refused_at_once(&shop, &order(ATLANTA, &[(WIDGET_B, 1)])).await;
    shop.place(&key, &one)
        .await
        .assert_replayed(&placed.order_id());
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_product_id_in_upper_case_is_the_same_product() {
    let shop = Shop::open().await;
    let product = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    let sql = format!(
        "INSERT INTO inventory.products (tenant_id, id, sku, name)
             SELECT tenant_id, '{product}', 'LETTERS', 'Letters' FROM inventory.products LIMIT 1;
         INSERT INTO inventory.prices (tenant_id, product_id, currency, unit_price_minor)
             SELECT tenant_id, id, 'USD', 700 FROM inventory.products WHERE sku = 'LETTERS';
         INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
             SELECT tenant_id, '{ATLANTA_WAREHOUSE}', id, 5 FROM inventory.products WHERE sku = 'LETTERS';
         INSERT INTO inventory.stock_movements (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
             SELECT tenant_id, gen_random_uuid(), warehouse_id, product_id, 'receipt', 5, 'bought', 'test'
             FROM inventory.stock_levels WHERE product_id = '{product}'"
    );
    shop.database.execute(&sql).await;
    let upper = product.to_uppercase();
    let key = new_key();
    let placed = shop.place(&key, &order(ATLANTA, &[(&upper, 2)])).await;
    placed.assert_created();
    assert_eq!(placed.body["items"][0]["productId"], product);
    assert_eq!(
        shop.database
            .stock(ATLANTA_WAREHOUSE, product)
            .await
            .reserved,
        2
    );

    let lower = shop.place(&key, &order(ATLANTA, &[(product, 2)])).await;
    lower.assert_replayed(&placed.order_id());
    let twice = shop
        .place_new(&order(ATLANTA, &[(product, 1), (&upper, 1)]))
        .await;
    twice.assert_problem(400, "request.invalid");
    assert_eq!(twice.fields(), ["items[1].productId"]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_key_has_1_to_255_printable_characters() {
    let shop = Shop::open().await;
    let longest = "k".repeat(255);
    for key in ["k", "order 17/retry: \"2\"", &longest] {
        let placed = shop.place(key, &small_order()).await;
        placed.assert_created();
        shop.place(key, &small_order())
            .await
            .assert_replayed(&placed.order_id());
    }
    for key in ["", "   ", &"k".repeat(256), "naïve", "tab\tbed"] {
        let refused = shop.place(key, &small_order()).await;
        refused.assert_problem(400, "request.invalid_header");
    }
    assert_eq!(shop.database.orders().await, 3);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn both_names_of_the_idempotency_header_are_equivalent() {
    let shop = Shop::open().await;
    let request = |headers: &[(&str, &str)]| {
        let request = shop.customer().post("/orders").json(&small_order());
        let with_headers = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        async { crate::answer::Answer::of(with_headers.send().await.unwrap()).await }
    };
    let placed = request(&[("Idempotency-Key", "k-1")]).await;
    placed.assert_created();
    request(&[("X-Idempotency-Key", "k-1")])
        .await
        .assert_replayed(&placed.order_id());
    let both = request(&[("Idempotency-Key", "k-1"), ("X-Idempotency-Key", "k-1")]).await;
    both.assert_replayed(&placed.order_id());
    let different = request(&[("Idempotency-Key", "k-1"), ("X-Idempotency-Key", "k-2")]).await;
    different.assert_problem(400, "request.invalid_header");
    let none = request(&[]).await;
    none.assert_problem(400, "request.invalid_header");
    assert!(
        none.body["detail"]
            .as_str()
            .unwrap()
            .contains("Idempotency-Key"),
        "{none:?}"
    );
}
