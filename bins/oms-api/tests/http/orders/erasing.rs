//! `POST /customers/{id}/erase`, and the answers about erased orders.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::SWEEPING;
use crate::eventually::until;
use crate::request::{CUSTOMER, new_key, small_order, with};
use crate::shop::Shop;

async fn erase_as(shop: &Shop, key: Option<&str>, customer: &str, body: &Value) -> Answer {
    let mut request = shop
        .customer()
        .post(&format!("/customers/{customer}/erase"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    Answer::of(request.json(body).send().await.unwrap()).await
}

fn personal_order() -> Value {
    let order = with(small_order(), "externalReference", json!("#4711"));
    with(order, "metadata", json!({ "email": "ann@example.com" }))
}

fn now() -> Value {
    json!({ "includeRecentlyPaid": true })
}

#[tokio::test]
async fn an_order_of_an_erased_customer_is_read_and_replayed_without_personal_data() {
    let shop = Shop::open().await;
    let key = new_key();
    let placed = shop.place(&key, &personal_order()).await;
    placed.assert_created();
    let order_id = placed.order_id();
    shop.send(&order_id).await;
    let before = shop.order(&order_id).await;

    let erased = erase_as(&shop, None, CUSTOMER, &now()).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    assert_eq!(erased.body["state"], "complete");
    assert_eq!(erased.body["erasedOrders"], 1);
    assert_eq!(erased.body["waitingOrders"], json!([]));
    assert!(erased.body["completedAt"].is_string(), "{erased:?}");

    let order = shop.order(&order_id).await;
    assert!(order["shippingAddress"].is_null() && order["routing"].is_null());
    for kept in [
        "status",
        "total",
        "items",
        "payment",
        "refunds",
        "warehouseId",
        "warehouseName",
        "createdAt",
    ] {
        assert_eq!(order[kept], before[kept], "{kept}");
    }
    assert!(order["erasedAt"].is_string());
    assert_ne!(order["customerId"], CUSTOMER);
    let replayed = shop.place(&key, &personal_order()).await;
    replayed.assert_replayed(&order_id);
    for text in [order.to_string(), replayed.text] {
        for personal in ["Peachtree", "ann@example.com", "4711", CUSTOMER] {
            assert!(!text.contains(personal), "{personal}: {text}");
        }
    }
    let listed = shop.get("/orders").await;
    assert_eq!(listed.body["items"][0]["erasedAt"], order["erasedAt"]);
    let of_customer = shop.get(&format!("/orders?customerId={CUSTOMER}")).await;
    assert_eq!(of_customer.body["items"], json!([]));
    let timeline = shop.get(&format!("/orders/{order_id}/timeline")).await;
    let last = timeline.body["items"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&last["type"], &last["actor"]),
        (&json!("note"), &json!("operator:local"))
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_erasure_reports_the_waiting_orders_and_the_worker_completes_it() {
    let mut shop = Shop::open().await;
    let down = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", down).await;
    let pending = shop.place_new(&personal_order()).await;
    pending.assert_pending();
    let paid = shop.place_new(&personal_order()).await.order_id();
    let unsent = erase_as(&shop, None, CUSTOMER, &now()).await;
    assert_eq!(unsent.body["erasedOrders"], 0, "{unsent:?}");
    shop.send(&paid).await;
    let erased = erase_as(&shop, None, CUSTOMER, &json!({})).await;
    assert_eq!(erased.status, 202, "{erased:?}");
    assert_eq!(erased.body["state"], "waiting");
    assert_eq!(erased.body["waitingOrders"].as_array().unwrap().len(), 2);
    assert_eq!(erased.retry_after(), Some(3600));
    assert!(erased.body.get("completedAt").is_none());
    let requested_at = erased.body["requestedAt"].clone();
    let repeated = erase_as(&shop, None, CUSTOMER, &json!({})).await;
    assert_eq!(repeated.body["requestedAt"], requested_at);
    assert_eq!(repeated.body["erasureId"], erased.body["erasureId"]);
    assert_ne!(repeated.body["coversUntil"], erased.body["coversUntil"]);
    let erased = erase_as(&shop, None, CUSTOMER, &now()).await;
    let waiting = json!([{ "orderId": pending.order_id(), "status": "PENDING_PAYMENT" }]);
    assert_eq!(
        (erased.status, &erased.body["waitingOrders"]),
        (202, &waiting)
    );
    assert_eq!(erased.body["erasedOrders"], 1);

    shop.api.process.kill();
    shop.restart(&[SWEEPING]).await;
    until("the order fails and is erased", async || {
        shop.database.make_due().await;
        shop.database
            .execute("UPDATE orders.erasures SET due_at = now() WHERE due_at IS NOT NULL")
            .await;
        let open = "SELECT count(*) FROM orders.orders WHERE erased_at IS NULL";
        shop.database.number(open).await == 0
    })
    .await;
    until("the worker has ended its turn", async || {
        let done = erase_as(&shop, None, CUSTOMER, &json!({})).await;
        (done.status, &done.body["state"]) == (200, &json!("complete"))
    })
    .await;
    let removed = "oms_retention_removed_total{kind=\"customer_orders\"}";
    until("the worker has counted the order", async || {
        shop.metric(removed).await.as_deref() == Some("1")
    })
    .await;
}

#[tokio::test]
async fn an_erasure_takes_effect_once_per_key_and_only_for_a_known_customer() {
    let shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    shop.send(&order_id).await;
    let unknown = erase_as(&shop, None, &new_key(), &now()).await;
    unknown.assert_problem(404, "orders.customer_not_found");
    let malformed = erase_as(&shop, None, "nobody", &now()).await;
    malformed.assert_problem(404, "orders.customer_not_found");
    assert_eq!(malformed.body["detail"], "the customer's ID is not a UUID");
    let first = erase_as(&shop, Some("e"), CUSTOMER, &now()).await;
    assert_eq!(
        (first.status, first.header("idempotent-replayed")),
        (200, None)
    );
    let again = erase_as(&shop, Some("e"), CUSTOMER, &now()).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, Some("true"))
    );
    assert_eq!(again.body, first.body);
    let reused = erase_as(&shop, Some("e"), CUSTOMER, &json!({})).await;
    reused.assert_problem(422, "orders.idempotency_key_reused");
    let request = shop
        .customer()
        .post(&format!("/customers/{CUSTOMER}/erase"));
    let without_body = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(without_body.body["state"], "complete", "{without_body:?}");
}
