//! `GET /orders` over HTTP. The results and the indexes of each filter are tested in the crate.

use serde_json::json;

use crate::answer::Answer;
use crate::eventually::until;
use crate::request::{new_key, small_order, with};
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

    // The order's own time finds it, and the moment after it does not.
    let at = item["createdAt"].as_str().unwrap();
    let found = shop.get(&format!("/orders?createdFrom={at}")).await;
    assert_eq!(ids(&found), placed[..1]);
    let found = shop
        .get(&format!("/orders?createdTo={at}&sort=oldest"))
        .await;
    assert_eq!(ids(&found), [placed[2].clone(), placed[1].clone()]);
}

#[tokio::test]
async fn the_error_of_a_foreign_cursor_or_an_invalid_filter_names_the_parameter() {
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
async fn orders_of_another_tenant_are_not_listed() {
    let shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let stranger = shop.another_api(&elsewhere).await;
    let customer = shop.customer_of(&stranger);
    let list = customer.get("/orders").await;
    assert_eq!((list.status, &list.body["items"]), (200, &json!([])));
    assert_eq!(
        customer.get(&format!("/orders/{order_id}")).await.code(),
        "orders.not_found"
    );
}

/// After the order with the reference `slow` is written, its transaction waits for a lock that the test holds.
const WAIT_BEFORE_COMMIT: &str = "
    CREATE FUNCTION public.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('lock_timeout', '0', true);
        PERFORM pg_advisory_xact_lock(7);
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait_for_test AFTER INSERT ON orders.orders
        FOR EACH ROW WHEN (NEW.external_reference = 'slow') EXECUTE FUNCTION public.wait_for_test();
    SELECT pg_advisory_lock(7)";

fn ids(page: &Answer) -> Vec<&str> {
    let items = page.body["items"].as_array().unwrap().iter();
    items
        .map(|item| item["orderId"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_poller_that_continues_from_complete_until_misses_no_late_commit() {
    let shop = Shop::open().await;
    shop.database.execute(WAIT_BEFORE_COMMIT).await;
    let slow = with(small_order(), "externalReference", json!("slow"));
    let customer = shop.customer();
    let placing = tokio::spawn(async move { customer.place(&new_key(), &slow).await });
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted";
    until("the slow order waits before its commit", async || {
        shop.database.number(waiting).await == 1
    })
    .await;

    // A second instance, which the slow order does not block.
    let other = shop.another_api(&[]).await;
    let fast = shop
        .customer_of(&other)
        .place(&new_key(), &small_order())
        .await;
    fast.assert_created();
    let poll = shop.get("/orders?sort=oldest").await;
    assert_eq!(ids(&poll), [fast.order_id()]);
    let complete_until = poll.body["completeUntil"].as_str().unwrap();

    shop.database.execute("SELECT pg_advisory_unlock(7)").await;
    let slow = placing.await.unwrap();
    slow.assert_created();
    let next = shop
        .get(&format!("/orders?sort=oldest&createdFrom={complete_until}"))
        .await;
    assert!(ids(&next).contains(&&*slow.order_id()), "{next:?}");
    until("the list is complete beyond both orders", async || {
        let page = shop.get("/orders").await;
        page.body["completeUntil"].as_str() > page.body["items"][0]["createdAt"].as_str()
    })
    .await;
}
