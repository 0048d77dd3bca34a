//! `GET /orders/{id}/timeline`. Its content is tested in the crate.

use serde_json::{Value, json};

use crate::api::SWEEPING;
use crate::eventually::eventually;
use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, small_order};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

impl Shop {
    /// All entries of an order's timeline.
    async fn full_timeline(&self, order_id: &str) -> Vec<Value> {
        let path = format!("/orders/{order_id}/timeline?limit=100");
        let answer = self.get(&path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.get("nextCursor").is_none(), "{answer:?}");
        answer.body["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_timeline_shows_each_change_with_its_actor_and_reason() {
    let shop = Shop::open().await;
    let basket = order(ATLANTA, &[(WIDGET_A, 1), (WIDGET_B, 2)]);
    let order_id = shop.place_new(&basket).await.order_id();
    let timeline = shop.full_timeline(&order_id).await;
    let types: Vec<_> = timeline
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "transition",
            "stock_reserved",
            "gateway_call",
            "gateway_call",
            "transition"
        ]
    );
    for entry in &timeline {
        assert_eq!(entry["actor"], "api:local", "{entry}");
        assert!(entry["reason"].is_string(), "{entry}");
        assert!(entry["occurredAt"].is_string(), "{entry}");
    }
    assert_eq!(timeline[0]["from"], Value::Null);
    assert_eq!(timeline[0]["to"], "PENDING_PAYMENT");
    let reserved = &timeline[1];
    assert_eq!(reserved["warehouseId"], ATLANTA_WAREHOUSE);
    assert_eq!(reserved["warehouseName"], "Atlanta Distribution Center");
    assert_eq!(
        reserved["items"],
        json!([
            { "productId": WIDGET_A, "sku": "WIDGET-A", "quantity": 1 },
            { "productId": WIDGET_B, "sku": "WIDGET-B", "quantity": 2 },
        ])
    );
    let confirm = &timeline[3];
    assert_eq!(confirm["operation"], "confirm");
    assert_eq!(confirm["reason"], "to collect the payment");
    assert_eq!(confirm["outcome"], "paid");
    assert_eq!(confirm["effect"], "known");
    assert_eq!(
        (&confirm["attempt"], &confirm["repetition"]),
        (&json!(1), &json!(1))
    );
    assert!(confirm["durationMs"].is_u64(), "{confirm}");
    let read = shop.order(&order_id).await;
    assert_eq!(confirm["reference"], read["payment"]["reference"]);

    // The same entries, page by page.
    let (mut paged, mut path) = (Vec::new(), format!("/orders/{order_id}/timeline?limit=2"));
    loop {
        let page = shop.get(&path).await;
        let items = page.body["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()), "{page:?}");
        paged.extend(items.clone());
        let Some(cursor) = page.body["nextCursor"].as_str() else {
            break;
        };
        path = format!("/orders/{order_id}/timeline?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, timeline);
}

#[tokio::test]
async fn a_timeline_shows_the_attempts_of_the_sweeper() {
    let mut shop = Shop::open().await;
    let unanswered = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": 2 },
    ]);
    shop.sandbox.plan(unanswered).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.restart_sweeping().await;
    shop.database.make_due().await;
    assert_eq!(shop.ended(&order_id).await, "PAID");
    let timeline = shop.full_timeline(&order_id).await;
    let retry = timeline.iter().find(|entry| entry["type"] == "retry");
    let retry = retry.expect("one look-up failed");
    assert_eq!(retry["actor"], "sweeper", "{retry}");
    assert_eq!(retry["try"], 1, "{retry}");
    assert!(retry["nextAt"].is_string(), "{retry}");
    let last = timeline.last().unwrap();
    assert_eq!(
        (&last["to"], &last["actor"]),
        (&json!("PAID"), &json!("sweeper"))
    );
}

#[tokio::test]
async fn operator_actions_are_on_the_timeline_under_their_names() {
    let tries = ("OMS_SWEEP_MAX_TRIES", "1");
    let mut shop = Shop::open().await;
    let unanswered = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
    ]);
    shop.sandbox.plan(unanswered).await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    shop.api.process.kill();
    shop.restart(&[SWEEPING, tries]).await;
    shop.database.make_due().await;
    let id = eventually("the sweeper gives up", async || {
        let open = shop.get("/operations/dead-letters").await;
        open.body["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let path = format!("/operations/dead-letters/{id}/retry");
    let retried = shop.customer().post(&path).send().await.unwrap();
    assert_eq!(retried.status(), 202);
    let timeline = shop.full_timeline(&order_id).await;
    let by_operator = timeline
        .iter()
        .find(|entry| entry["actor"] == "operator:local");
    let by_operator = by_operator.expect("the operator's action is on the timeline");
    assert_eq!(by_operator["type"], "note", "{by_operator}");
    assert_eq!(by_operator["status"], "PENDING_PAYMENT", "{by_operator}");
    assert_eq!(by_operator["reason"], "an operator requested a retry");
}

#[tokio::test]
async fn the_timeline_of_an_unknown_order_or_one_of_another_tenant_is_404() {
    let shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    for unknown in [new_key().as_str(), "4711"] {
        let answer = shop.get(&format!("/orders/{unknown}/timeline")).await;
        answer.assert_problem(404, "orders.not_found");
    }
    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let stranger = shop.another_api(&elsewhere).await;
    let path = format!("/orders/{order_id}/timeline");
    let answer = shop.customer_of(&stranger).get(&path).await;
    answer.assert_problem(404, "orders.not_found");

    for (query, field) in [
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
        ("page=2", "page"),
    ] {
        let answer = shop.get(&format!("{path}?{query}")).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.fields(), [field], "{answer:?}");
    }
    let wrong_method = shop.customer().post(&path).send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
}
