//! `GET /orders` over HTTP. What each filter finds, and by which index, is tested with the crate.

use crate::request::small_order;
use crate::shop::Shop;

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page_and_with_their_lines() {
    let shop = Shop::open().await;
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.insert(0, shop.place_new(&small_order()).await.order_id());
    }
    let first = shop.get("/orders?status=PAID&limit=2").await;
    assert_eq!(first.status, 200, "{first:?}");
    let ids = |answer: &crate::answer::Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["orderId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&first), placed[..2]);
    let item = &first.body["items"][0];
    assert_eq!(item["items"][0]["quantity"], 1, "{item}");
    assert_eq!(item["total"]["currency"], "USD", "{item}");
    assert!(item.get("shippingAddress").is_none(), "{item}");

    let cursor = first.body["nextCursor"].as_str().unwrap();
    let second = shop
        .get(&format!("/orders?status=PAID&limit=1&cursor={cursor}"))
        .await;
    assert_eq!(ids(&second), placed[2..]);
    assert!(second.body.get("nextCursor").is_none(), "{second:?}");

    // The time of an order finds it, and the moment after it does not.
    let at = item["createdAt"].as_str().unwrap();
    let found = shop.get(&format!("/orders?createdFrom={at}")).await;
    assert_eq!(ids(&found), placed[..1]);
    let found = shop
        .get(&format!("/orders?createdTo={at}&sort=oldest"))
        .await;
    assert_eq!(ids(&found), [placed[2].clone(), placed[1].clone()]);
}

#[tokio::test]
async fn a_cursor_of_another_list_and_a_wrong_filter_are_refused_by_name() {
    let shop = Shop::open().await;
    for _ in 0..2 {
        shop.place_new(&small_order()).await;
    }
    let page = shop.get("/orders?limit=1").await;
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let other = format!("status=PAID&cursor={cursor}");
    for (query, field) in [
        (other.as_str(), "cursor"),
        ("cursor=x", "cursor"),
        ("status=paid", "status"),
    ] {
        let answer = shop.get(&format!("/orders?{query}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "request.invalid"),
            "{answer:?}"
        );
        assert_eq!(answer.fields(), [field], "{answer:?}");
    }
}

#[tokio::test]
async fn another_store_s_orders_are_not_listed() {
    let shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let stranger = shop.another_api(&elsewhere).await;
    let customer = shop.customer_of(&stranger);
    let list = customer.get("/orders").await;
    assert_eq!((list.status, list.text.as_str()), (200, r#"{"items":[]}"#));
    assert_eq!(
        customer.get(&format!("/orders/{order_id}")).await.code(),
        "orders.not_found"
    );
}
